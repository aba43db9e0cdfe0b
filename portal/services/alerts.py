"""Alerts: what an organization's admins are told by e-mail at once, each thing once, whoever notices it how often."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, select

from portal.db import db, insert_into, transaction
from portal.models import Member, Notice, Organization
from portal.models.email import EmailKind
from portal.rules.incidents import AlertWords
from portal.rules.roles import Role
from portal.services import audit, emails
from portal.services.asker import Asker
from portal.services.audit import EventKind


@transaction
def raise_once(
    key: str,
    organization_id: UUID | None,
    *,
    title: str,
    sentence: str,
    what_to_do: str,
    place: str,
    now: datetime,
) -> int:
    """E-mail the organization's admins (None: those of every organization) unless they were told of `key` before.

    `key` names what happened for good (`incident:<id>`), at most 200 letters. `title` is the e-mail's subject,
    `sentence` says what happened and what still works, `what_to_do` what comes next, `place` the local path it leads
    to. Returns how many organizations are told now.
    """
    told = _note(key, organization_id, now)
    for own_id in told:
        tell(own_id, AlertWords(title, sentence, what_to_do), place=place, now=now)
    return len(told)


@transaction
def note(keys: Iterable[str], organization_id: UUID, *, now: datetime) -> frozenset[str]:
    """Those of the keys that the organization was not told of before; from now on it counts as told of all."""
    rows = [{"organization_id": organization_id, "key": key, "raised_at": now} for key in sorted(keys)]
    noting = insert_into(Notice).values(rows).on_conflict_do_nothing().returning(Notice.key)
    return frozenset(db.session.scalars(noting)) if rows else frozenset()


@transaction
def tell(organization_id: UUID, words: AlertWords, *, place: str, now: datetime) -> None:
    """E-mail the organization's admins; whether they were told before is for whoever asks to know."""
    audit.record(Asker.portal(organization_id), EventKind.ALERT_RAISED, now=now, title=words.title)
    for admin_id in admins_of(organization_id):
        emails.queue(organization_id, admin_id, EmailKind.ALERT, now=now, place=place, detail=asdict(words))


def admins_of(organization_id: UUID) -> Sequence[UUID]:
    """The organization's org admins who can sign in, in the transaction around us."""
    own = select(Member.id).where(Member.organization_id == organization_id, Member.role == Role.ORG_ADMIN)
    return db.session.scalars(own.where(Member.deactivated_at.is_(None)).order_by(Member.id)).all()


def _note(key: str, organization_id: UUID | None, now: datetime) -> Sequence[UUID]:
    """The organizations that had not been told yet; the primary key is the judge between two who notice at once."""
    untold = select(Organization.id, literal(key), literal(now, Notice.raised_at.type))
    if organization_id is not None:
        untold = untold.where(Organization.id == organization_id)
    ordered = untold.where(literal(value=True)).order_by(Organization.id)
    noting = insert_into(Notice).from_select(["organization_id", "key", "raised_at"], ordered)
    new = noting.on_conflict_do_nothing().returning(Notice.organization_id)
    return db.session.scalars(new).all()
