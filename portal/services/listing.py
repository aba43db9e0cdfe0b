"""Every connection of an organization by the date it ends, in pages by key: the last is as quick as the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from portal.crypto import from_base64url, to_base64url
from portal.db import NEVER, db, reading
from portal.models import Member
from portal.quick import Row
from portal.rules.problems import InvalidRequest, NotFound
from portal.rules.status import Status, status_of
from portal.services import listing_queries, people_search, policy
from portal.services.asker import Asker
from portal.services.listing_queries import FEW_PEOPLE, Shape

PAGE_SIZE = 50
LARGEST_PAGE = 200


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
    consent_expires_at: datetime | None
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


def ending_first(
    asker: Asker, filters: Filters, after: str | None = None, *, now: datetime, limit: int = PAGE_SIZE
) -> ListingPage:
    """The connections that match, soonest consent end first, from behind the cursor `after` on."""
    limit = max(1, min(limit, LARGEST_PAGE))
    lead = policy.lead_of(asker)
    bounds = {"limit": limit + 1, "now": now, "window_ends": now + lead} | _position(after)
    rows = _rows(asker, filters, bounds)
    listed = tuple(_listed(row, now=now, lead=lead) for row in rows[:limit])
    return ListingPage(listed, _cursor(listed[-1]) if len(rows) > limit else None)


def one(asker: Asker, connection_id: UUID, *, now: datetime) -> ListedConnection:
    """One connection of the organization as the list shows it; raises NotFound for any other."""
    which = {"organization_id": asker.organization_id, "id": connection_id}
    row = listing_queries.of_one().first(db.engine, which)
    if row is None:
        raise NotFound
    return _listed(row, now=now, lead=policy.lead_of(asker))


def _rows(asker: Asker, filters: Filters, bounds: Mapping[str, Any]) -> Sequence[Row]:
    few = _few_people(asker, filters) if filters.is_about_people else None
    if few is not None and not few:
        return ()
    shape = Shape(
        status=filters.status,
        has_provider=filters.provider_id is not None,
        has_end=filters.ends_before is not None,
        has_cursor="id" in bounds,
        places=listing_queries.places_for(few or ()),
    )
    values = {
        "organization_id": asker.organization_id,
        "provider_id": filters.provider_id,
        "ends_before": filters.ends_before,
    }
    is_of_many = filters.is_about_people and few is None
    query = listing_queries.of_many(shape, _of_many(asker, filters)) if is_of_many else listing_queries.of_shape(shape)
    return query.all(db.engine, {**values, **bounds, **listing_queries.placed(few or ())})


@reading
def _few_people(asker: Asker, filters: Filters) -> Sequence[UUID] | None:
    """The people the filters mean, by the quickest way; None when they are too many to be named one by one."""
    meant = select(Member.id).where(Member.organization_id == asker.organization_id, *_about_people(filters))
    if filters.search:
        meant = meant.where(people_search.matches(filters.search))
    few = db.session.scalars(meant.limit(FEW_PEOPLE + 1)).all()
    return few if len(few) <= FEW_PEOPLE else None


def _of_many(asker: Asker, filters: Filters) -> list[ColumnElement[bool]]:
    """The conditions on a connection's member at hand."""
    own = [Member.organization_id == asker.organization_id, *_about_people(filters)]
    return [*own, people_search.contains(filters.search)] if filters.search else own


def _about_people(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.team:
        conditions.append(Member.team == filters.team)
    if filters.member_email:
        conditions.append(Member.email == filters.member_email)
    return conditions


def _listed(row: Row, *, now: datetime, lead: timedelta) -> ListedConnection:
    id_, provider_id, nickname, subject, label, state, ends_at, *of_person, scopes, accounts, generation = row
    status = status_of(state, ends_at, now=now, lead=lead)
    rest = [*of_person, tuple((scopes or "").split()), tuple(accounts or ()), generation]
    return ListedConnection(id_, provider_id, nickname, subject, label, status, ends_at, *rest)


def _cursor(row: ListedConnection) -> str:
    ends_at = row.consent_expires_at or NEVER
    return to_base64url(f"{ends_at.isoformat()}|{row.id.hex}".encode())


def _position(cursor: str | None) -> dict[str, Any]:
    """The key behind which a page begins; none for the first."""
    if not cursor:
        return {}
    try:
        ends_at, _, connection_id = from_base64url(cursor).decode("ascii").partition("|")
        moment, identity = datetime.fromisoformat(ends_at), UUID(hex=connection_id)
    except ValueError as error:
        raise InvalidRequest({"cursor": "This is not a cursor of ours: start again from the first page."}) from error
    if moment.tzinfo is None:
        raise InvalidRequest({"cursor": "This is not a cursor of ours: start again from the first page."})
    return {"ends_at": moment, "id": identity}
