"""Every connection of an organization by the date it ends, in pages by key: the last is as quick as the first."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, exists, literal, select, tuple_

from portal.crypto import from_base64url, to_base64url
from portal.db import NEVER, MomentOrNever, db, reading
from portal.models import Connection, Grant, Member, Organization, Reminder
from portal.rules.problems import InvalidRequest, NotFound
from portal.rules.status import ConnectionState, Status, status_of
from portal.services import people_search
from portal.services.asker import Asker

PAGE_SIZE = 50
LARGEST_PAGE = 200
FEW_PEOPLE = 200  # so many are looked up one by one; more are met soon enough when walking by date


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list; None and empty do not. `search` is any part of a person's name or address."""

    status: Status | None = None
    provider_id: str | None = None
    team: str | None = None
    search: str | None = None
    member_email: str | None = None
    ends_before: datetime | None = None

    @property
    def is_about_people(self) -> bool:
        return bool(self.team or self.search or self.member_email)


@dataclass(frozen=True, slots=True)
class ListedConnection:
    """One line of the list."""

    id: UUID
    provider_id: str
    nickname: str
    subject: str | None
    subject_label: str | None
    status: Status
    status_since: datetime
    consent_expires_at: datetime | None
    member_id: UUID
    member_name: str
    member_email: str
    team: str | None
    last_reminder_at: datetime | None
    next_reminder_at: datetime | None
    access_expires_at: datetime | None
    scopes: tuple[str, ...]
    accounts: tuple[dict[str, str], ...]
    generation: int | None


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page; `next_cursor` is None on the last."""

    rows: tuple[ListedConnection, ...]
    next_cursor: str | None


ROW = (
    Connection.id,
    Connection.provider_id,
    Connection.nickname,
    Connection.subject,
    Connection.subject_label,
    Connection.state,
    Connection.state_since,
    Connection.consent_expires_at,
    Connection.member_id,
    Member.name,
    Member.email,
    Member.team,
    Reminder.last_sent_at,
    Reminder.next_at,
)
GRANT_FACTS = (Grant.access_expires_at, Grant.scopes, Grant.accounts, Grant.generation)


@reading
def ending_first(
    asker: Asker, filters: Filters, after: str | None = None, *, now: datetime, limit: int = PAGE_SIZE
) -> ListingPage:
    """The connections that match, soonest consent end first, from behind the cursor `after` on."""
    limit = max(1, min(limit, LARGEST_PAGE))
    lead = _lead(asker)
    wanted = _matching(asker, filters, now=now, lead=lead)
    if after:
        wanted = wanted.where(tuple_(Connection.consent_expires_at, Connection.id) > _position(after))
    ids = wanted.order_by(Connection.consent_expires_at, Connection.id).limit(limit + 1).subquery()
    rows = db.session.execute(_rows().join(ids, ids.c.id == Connection.id).order_by(*_by_date())).all()
    listed = tuple(_listed(row, now=now, lead=lead) for row in rows[:limit])
    return ListingPage(listed, _cursor(listed[-1]) if len(rows) > limit else None)


@reading
def one(asker: Asker, connection_id: UUID, *, now: datetime) -> ListedConnection:
    """One connection of the organization as the list shows it; raises NotFound for any other."""
    own = Connection.organization_id == asker.organization_id
    row = db.session.execute(_rows().where(own, Connection.id == connection_id)).first()
    if row is None:
        raise NotFound
    return _listed(row, now=now, lead=_lead(asker))


def _rows() -> Select[*tuple[Any, ...]]:
    return (
        select(*ROW, *GRANT_FACTS)
        .join_from(Connection, Member, Member.id == Connection.member_id)
        .outerjoin(Reminder, Reminder.connection_id == Connection.id)
        .outerjoin(Grant, Grant.connection_id == Connection.id)
    )


def _by_date() -> tuple[ColumnElement[datetime | None], ColumnElement[UUID]]:
    return Connection.consent_expires_at.asc(), Connection.id.asc()


def _lead(asker: Asker) -> timedelta:
    days = select(Organization.reminder_lead_days).where(Organization.id == asker.organization_id)
    return timedelta(days=db.session.scalar(days) or 0)


def _matching(asker: Asker, filters: Filters, *, now: datetime, lead: timedelta) -> Select[UUID]:
    wanted = select(Connection.id).where(Connection.organization_id == asker.organization_id)
    if filters.status:
        wanted = wanted.where(in_status(filters.status, now=now, lead=lead))
    if filters.provider_id:
        wanted = wanted.where(Connection.provider_id == filters.provider_id)
    if filters.ends_before:
        wanted = wanted.where(Connection.consent_expires_at < filters.ends_before)
    if filters.is_about_people:
        wanted = wanted.where(_of_people(asker, filters))
    return wanted


def in_status(status: Status, *, now: datetime, lead: timedelta) -> ColumnElement[bool]:
    """The condition behind a status word, as `rules.status.status_of` has it."""
    ends_at = Connection.consent_expires_at
    spans = {
        Status.ACTIVE: ends_at > now + lead,
        Status.ENDING: and_(ends_at > now, ends_at <= now + lead),
        Status.ENDED: ends_at <= now,
    }
    if status in spans:
        return and_(Connection.state == ConnectionState.ACTIVE, spans[status])
    return Connection.state == ConnectionState(status.value)


def _of_people(asker: Asker, filters: Filters) -> ColumnElement[bool]:
    conditions = [Member.organization_id == asker.organization_id]
    if filters.team:
        conditions.append(Member.team == filters.team)
    if filters.member_email:
        conditions.append(Member.email == filters.member_email)
    if filters.search:
        conditions.append(people_search.matches(filters.search))
    few = db.session.scalars(select(Member.id).where(*conditions).limit(FEW_PEOPLE + 1)).all()
    if len(few) <= FEW_PEOPLE:
        return Connection.member_id.in_(few)
    if filters.search:
        conditions[-1] = people_search.contains(filters.search)
    return exists().where(Member.id == Connection.member_id, *conditions)


def _listed(row: Row[*tuple[Any, ...]], *, now: datetime, lead: timedelta) -> ListedConnection:
    (
        id_,
        provider_id,
        nickname,
        subject,
        label,
        state,
        since,
        ends_at,
        member_id,
        name,
        email,
        team,
        last,
        upcoming,
    ) = row[:14]
    access_expires_at, scopes, accounts, generation = row[14:]
    return ListedConnection(
        id=id_,
        provider_id=provider_id,
        nickname=nickname,
        subject=subject,
        subject_label=label,
        status=status_of(state, ends_at, now=now, lead=lead),
        status_since=since,
        consent_expires_at=ends_at,
        member_id=member_id,
        member_name=name,
        member_email=email,
        team=team,
        last_reminder_at=last,
        next_reminder_at=upcoming,
        access_expires_at=access_expires_at,
        scopes=tuple((scopes or "").split()),
        accounts=tuple(accounts or ()),
        generation=generation,
    )


def _cursor(row: ListedConnection) -> str:
    ends_at = row.consent_expires_at or NEVER
    return to_base64url(f"{ends_at.isoformat()}|{row.id.hex}".encode())


def _position(cursor: str) -> ColumnElement[tuple[datetime | None, UUID]]:
    try:
        ends_at, _, connection_id = from_base64url(cursor).decode("ascii").partition("|")
        moment, identity = datetime.fromisoformat(ends_at), UUID(hex=connection_id)
    except ValueError as error:
        raise InvalidRequest({"cursor": "This is not a cursor of ours: start again from the first page."}) from error
    if moment.tzinfo is None:
        raise InvalidRequest({"cursor": "This is not a cursor of ours: start again from the first page."})
    return tuple_(literal(moment, MomentOrNever()), literal(identity, Connection.id.type))
