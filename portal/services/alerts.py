"""Alerts: what an organization's admins are told by e-mail at once, each thing once, whoever notices it how often."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import literal, select

from portal.db import db, insert_into, transaction
from portal.models import Member, Notice, Organization
from portal.models.email import EmailKind
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
    detail = {"title": title, "sentence": sentence, "what_to_do": what_to_do}
    for own_id in told:
        audit.record(Asker.portal(own_id), EventKind.ALERT_RAISED, now=now, title=title)
        for admin_id in _admins(own_id):
            emails.queue(own_id, admin_id, EmailKind.ALERT, now=now, place=place, detail=detail)
    return len(told)


def _note(key: str, organization_id: UUID | None, now: datetime) -> Sequence[UUID]:
    """The organizations that had not been told yet; the primary key is the judge between two who notice at once."""
    untold = select(Organization.id, literal(key), literal(now, Notice.raised_at.type))
    if organization_id is not None:
        untold = untold.where(Organization.id == organization_id)
    ordered = untold.where(literal(value=True)).order_by(Organization.id)
    noting = insert_into(Notice).from_select(["organization_id", "key", "raised_at"], ordered)
    new = noting.on_conflict_do_nothing().returning(Notice.organization_id)
    return db.session.scalars(new).all()


def _admins(organization_id: UUID) -> Sequence[UUID]:
    own = select(Member.id).where(Member.organization_id == organization_id, Member.role == Role.ORG_ADMIN)
    return db.session.scalars(own.where(Member.deactivated_at.is_(None)).order_by(Member.id)).all()
