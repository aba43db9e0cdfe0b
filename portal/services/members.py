"""The people of an organization: who they are, what they may do, and who is gone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select, tuple_

from portal.crypto import from_base64url, to_base64url
from portal.db import db, hold, reading, transaction
from portal.models import Connection, Member
from portal.quick import QuickSelect
from portal.rules import people
from portal.rules.people import Person
from portal.rules.problems import InvalidRequest, LastAdmin, NotFound
from portal.rules.roles import Role, is_demotion
from portal.services import audit, known_members, people_search, sessions
from portal.services.asker import Asker
from portal.services.audit import EventKind

PAGE_SIZE = 50
CURSOR_WRONG = "This is not a cursor of ours: start again from the first page."


@dataclass(frozen=True, slots=True)
class ListedMember:
    """One person as admins see them."""

    id: UUID
    email: str
    name: str
    role: Role
    team: str | None
    connections: int
    invited_at: datetime | None
    last_signed_in_at: datetime | None
    deactivated_at: datetime | None


@dataclass(frozen=True, slots=True)
class MemberPage:
    """One page; `next_cursor` is None on the last."""

    rows: tuple[ListedMember, ...]
    next_cursor: str | None


ROW = (
    Member.id,
    Member.email,
    Member.name,
    Member.role,
    Member.team,
    select(func.count()).where(Connection.member_id == Member.id).correlate(Member).scalar_subquery(),
    Member.invited_at,
    Member.last_signed_in_at,
    Member.deactivated_at,
)


@reading
def page(asker: Asker, *, search: str | None = None, after: str | None = None) -> MemberPage:
    """The organization's people by name, from behind the cursor `after` on; `search` is any part of name or address."""
    wanted = select(*ROW).where(Member.organization_id == asker.organization_id)
    if search and search.strip():
        wanted = wanted.where(people_search.matches(search))
    if after:
        wanted = wanted.where(tuple_(Member.name, Member.id) > _position(after))
    rows = db.session.execute(wanted.order_by(Member.name, Member.id).limit(PAGE_SIZE + 1)).all()
    listed = tuple(ListedMember(*row) for row in rows[:PAGE_SIZE])
    return MemberPage(listed, _cursor(listed[-1]) if len(rows) > PAGE_SIZE else None)


@reading
def show(asker: Asker, member_id: UUID) -> ListedMember:
    """One person of the organization; raises NotFound for anybody else."""
    own = select(*ROW).where(Member.organization_id == asker.organization_id, Member.id == member_id)
    row = db.session.execute(own).one_or_none()
    if row is None:
        raise NotFound
    return ListedMember(*row)


def teams(asker: Asker) -> tuple[str, ...]:
    """The names of the organization's teams, found by leaping through the index from one to the next."""
    found = _TEAMS.all(db.engine, {"organization_id": asker.organization_id})
    return tuple(team for (team,) in found if team is not None)


def _leaps() -> Select[Any]:
    own = Member.organization_id == bindparam("organization_id")
    leap = select(func.min(Member.team).label("team")).where(own).cte("leap", recursive=True)
    following = select(func.min(Member.team)).where(own, Member.team > leap.c.team)
    leap = leap.union_all(select(following.scalar_subquery()).where(leap.c.team.is_not(None)))
    return select(leap.c.team)


_TEAMS = QuickSelect(_leaps())


@transaction
def change(asker: Asker, member_id: UUID, *, name: str, role: str, team: str | None, now: datetime) -> None:
    """A new name, role or team. Somebody who may do less than before is signed out everywhere at once.

    Raises InvalidRequest about wrong fields and LastAdmin where nobody else would be an org admin any more.
    """
    hold_admins(asker)
    member = locked(asker, member_id)
    person = people.checked(member.email, name, role, team)
    if member.role is Role.ORG_ADMIN and person.role is not Role.ORG_ADMIN:
        _keep_an_admin(member)
    rewrite(asker, member, person, now=now)


@transaction
def rewrite(asker: Asker, member: Member, person: Person, *, now: datetime) -> None:
    """Bring a row of the transaction around us to what was entered, an empty name leaving the present one."""
    changed = known_members.differences(member, person)
    if not changed:
        return
    is_less = is_demotion(member.role, person.role)
    facts: dict[str, Any] = {name: [getattr(member, name), value] for name, value in changed.items() if name != "name"}
    for name, value in changed.items():
        setattr(member, name, value)
    audit.record(asker, EventKind.MEMBER_CHANGED, now=now, member_id=member.id, **facts)
    if is_less:
        sessions.end_all_of(asker, member.id, now=now)


@transaction
def deactivate(asker: Asker, member_id: UUID, *, now: datetime) -> None:
    """From this commit on the person is signed out everywhere and gets no e-mails; their connections stay as they are.

    Doing it again changes nothing. Raises LastAdmin where nobody else is an org admin.
    """
    hold_admins(asker)
    member = locked(asker, member_id)
    if member.deactivated_at is not None:
        return
    if member.role is Role.ORG_ADMIN:
        _keep_an_admin(member)
    member.deactivated_at = now
    audit.record(asker, EventKind.MEMBER_DEACTIVATED, now=now, member_id=member.id)
    sessions.end_all_of(asker, member.id, now=now)


@transaction
def reactivate(asker: Asker, member_id: UUID, *, now: datetime) -> None:
    """The person may sign in again and is reminded again; doing it again changes nothing."""
    member = locked(asker, member_id)
    if member.deactivated_at is not None:
        member.deactivated_at = None
        audit.record(asker, EventKind.MEMBER_REACTIVATED, now=now, member_id=member.id)


def locked(asker: Asker, member_id: UUID) -> Member:
    """The person's row, held until the transaction around us ends; raises NotFound."""
    own = select(Member).where(Member.organization_id == asker.organization_id, Member.id == member_id)
    held = own.with_for_update(key_share=True).execution_options(populate_existing=True)
    member = db.session.scalars(held).one_or_none()
    if member is None:
        raise NotFound
    return member


def hold_admins(asker: Asker) -> None:
    """Let nobody else take an org admin away until the transaction around us ends.

    Two admins who demote each other at the same moment must not both succeed. Their rows stay free: an import takes a
    minute, and they sign in meanwhile, which writes to them.
    """
    hold(f"admins of {asker.organization_id}")


def admin_emails(asker: Asker) -> set[str]:
    """The addresses of the organization's active org admins, in the transaction around us."""
    wanted = select(Member.email).where(Member.organization_id == asker.organization_id, _is_admin())
    return set(db.session.scalars(wanted))


def _is_admin() -> ColumnElement[bool]:
    return (Member.role == Role.ORG_ADMIN) & Member.deactivated_at.is_(None)


def _keep_an_admin(member: Member) -> None:
    others = select(Member.id).where(Member.organization_id == member.organization_id, Member.id != member.id)
    if db.session.scalar(others.where(_is_admin()).limit(1)) is None:
        raise LastAdmin


def _cursor(row: ListedMember) -> str:
    return to_base64url(f"{row.id.hex}|{row.name}".encode())


def _position(cursor: str) -> ColumnElement[tuple[str, UUID]]:
    try:
        member_id, _, name = from_base64url(cursor).decode().partition("|")
        if "\x00" in name:
            raise ValueError("no name holds a NUL, and PostgreSQL takes none")
        return tuple_(literal(name), literal(UUID(hex=member_id), Member.id.type))
    except ValueError as error:
        raise InvalidRequest({"after": CURSOR_WRONG}) from error
