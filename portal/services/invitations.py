"""Invitations: an e-mail whose link signs a person in and leads them to their page, or to what they shall connect."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from portal.bulk import insert_rows
from portal.db import db, transaction
from portal.extensions import catalog
from portal.models import Connection, Email, Member
from portal.models.columns import new_id
from portal.models.email import EmailKind
from portal.providers.schema import Provider
from portal.rules.names import NICKNAME_MAX, clean_email, clean_nickname
from portal.rules.problems import InvalidRequest, MemberDeactivated, ProviderNotConfigured, ProviderOutsideKey
from portal.rules.redirects import HOME
from portal.rules.status import ConnectionState
from portal.services import audit, emails, known_members, members, new_members, offers
from portal.services.asker import Asker
from portal.services.audit import EventKind


@transaction
def invite_person(
    asker: Asker,
    *,
    email: str,
    name: str,
    role: str,
    team: str | None,
    provider_id: str | None = None,
    nickname: str | None = None,
    now: datetime,
) -> UUID:
    """Add a person and send them one invitation: to their page, or to connect a login at the provider.

    Raises InvalidRequest as `new_members.add` does, and what `invite_connection` raises.
    """
    member_id = new_members.add(asker, email=email, name=name, role=role, team=team, now=now)
    if provider_id:
        invite_connection(asker, member_email=email, provider_id=provider_id, nickname=nickname, now=now)
    else:
        invite_member(asker, member_id, now=now)
    return member_id


@transaction
def invite_member(asker: Asker, member_id: UUID, *, now: datetime) -> None:
    """Mail the person (again) a link to their page; raises NotFound and MemberDeactivated."""
    member = members.locked(asker, member_id)
    if member.deactivated_at is not None:
        raise MemberDeactivated
    _invite(asker, member, now=now)
    audit.record(asker, EventKind.MEMBER_INVITED, now=now, member_id=member.id, name=member.name)


@transaction
def invite_connection(
    asker: Asker, *, member_email: str, provider_id: str, nickname: str | None = None, now: datetime
) -> UUID:
    """Ask a member to connect a login at the provider: an invited connection, and an e-mail that leads to it.

    Without a nickname it is called as the provider, with a number if that is taken. Raises InvalidRequest about
    `member_email`, `provider` or `nickname`, MemberDeactivated, ProviderNotConfigured, and ProviderOutsideKey where an
    API key is for others.
    """
    if not asker.reaches(provider_id):
        raise ProviderOutsideKey
    provider = _offered(provider_id)
    member = _member(asker, clean_email(member_email, field="member_email"))
    connection = Connection(
        id=new_id(),
        organization_id=asker.organization_id,
        member_id=member.id,
        provider_id=provider.id,
        nickname=clean_nickname(nickname) if nickname and nickname.strip() else _free_nickname(member, provider),
        state=ConnectionState.INVITED,
        state_since=now,
        created_at=now,
        invited_by_id=asker.member_id,
    )
    db.session.add(connection)
    db.session.flush()
    _invite(asker, member, connection_id=connection.id, now=now)
    kind = EventKind.CONNECTION_INVITED
    audit.record(asker, kind, now=now, connection_id=connection.id, member_id=member.id, provider=provider.id)
    return connection.id


@transaction
def invite_many(asker: Asker, member_ids: Sequence[UUID], *, now: datetime) -> None:
    """Invite all of these, whom the caller has found to be uninvited and active; the sweep rings for their e-mails."""
    if not member_ids:
        return
    db.session.execute(update(Member).where(Member.id.in_(member_ids)).values(invited_at=now))
    shared = {"organization_id": asker.organization_id, "kind": EmailKind.INVITATION, "place": HOME} | {
        "detail": _invited_by(asker),
        "created_at": now,
        "next_attempt_at": now,
    }
    insert_rows(db.session(), Email, [shared | {"member_id": member_id} for member_id in member_ids])


def _invite(asker: Asker, member: Member, *, connection_id: UUID | None = None, now: datetime) -> None:
    member.invited_at = now
    emails.queue(
        asker.organization_id,
        member.id,
        EmailKind.INVITATION,
        now=now,
        connection_id=connection_id,
        place=f"/connections/{connection_id}" if connection_id else HOME,
        detail=_invited_by(asker),
    )


def _invited_by(asker: Asker) -> dict[str, str]:
    inviter = db.session.get(Member, asker.member_id) if asker.member_id else None
    return {"invited_by": inviter.name} if inviter else {}


def _offered(provider_id: str) -> Provider:
    provider = catalog().get(provider_id)
    if provider is None:
        offered = ", ".join(one.id for one in catalog().offered) or "none so far"
        raise InvalidRequest({"provider": f"There is no such provider here. Those offered: {offered}."})
    if provider not in catalog().offered:
        raise ProviderNotConfigured(offers.why_not_offered(provider))
    return provider


def _member(asker: Asker, email: str) -> Member:
    known = known_members.by_email(asker, [email]).get(email)
    if known is None:
        raise InvalidRequest({"member_email": "Nobody in this organization has this address. Add the person first."})
    member = members.locked(asker, known.id)
    if member.deactivated_at is not None:
        raise MemberDeactivated
    return member


def _free_nickname(member: Member, provider: Provider) -> str:
    taken = set(db.session.scalars(select(Connection.nickname).where(Connection.member_id == member.id)))
    name = provider.name[:NICKNAME_MAX].strip()
    numbered = (f"{name[: NICKNAME_MAX - 8]} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in numbered if one not in taken)
