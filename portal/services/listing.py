"""Every connection of an organization by the date it ends, in pages by key: the last is as quick as the first."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from portal import quick
from portal.crypto import from_base64url, to_base64url
from portal.db import NEVER, db
from portal.quick import QuickSelect, Reader, Row
from portal.rules.problems import InvalidRequest, NotFound
from portal.rules.status import Status, status_of
from portal.services import listing_people, listing_queries, offers, policy
from portal.services.asker import Asker
from portal.services.listing_people import People
from portal.services.listing_queries import Shape

PAGE_SIZE = 50
LARGEST_PAGE = 200
OF_PERSON = 6  # columns: name, address, team, since when deactivated, last and next reminder


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
    def about_people(self) -> dict[str, str | None]:
        return {"team": self.team, "search": self.search, "email": self.member_email}

    @property
    def is_about_people(self) -> bool:
        return any(self.about_people.values())


@dataclass(frozen=True, slots=True)
class ListedConnection:
    """One line of the list; what its consent gave stands there if it was asked for."""

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
    deactivated_at: datetime | None
    last_reminder_at: datetime | None
    next_reminder_at: datetime | None
    access_expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()
    accounts: tuple[dict[str, str], ...] = ()
    generation: int | None = None

    @property
    def can_be_reminded(self) -> bool:
        """Whether there is somebody to mail, and something that they can do."""
        if self.deactivated_at is not None or offers.is_service(self.provider_id):
            return False
        return self.status is Status.INVITED or (self.status.is_live and self.consent_expires_at is not None)


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page; `next_cursor` is None on the last."""

    rows: tuple[ListedConnection, ...]
    next_cursor: str | None


def ending_first(  # who asks, for what, from where on, and how much of it
    asker: Asker,
    filters: Filters,
    after: str | None = None,
    *,
    limit: int = PAGE_SIZE,
    has_grants: bool = False,
    now: datetime,
) -> ListingPage:
    """The connections that match, soonest consent end first, from behind the cursor `after` on."""
    limit, position = max(1, min(limit, LARGEST_PAGE)), _position(after)
    with quick.Reader(db.engine) as reader:
        lead = policy.lead_of(asker, reader)
        wanted = _Wanted.by(reader, asker, filters)
        shape = wanted.shape(has_cursor=bool(position), has_grants=has_grants)
        bounds = {"limit": limit + 1, "now": now, "window_ends": now + lead} | position
        rows = reader.all(wanted.query(shape), wanted.values | bounds) if wanted.can_be_met else []
    listed = tuple(_listed(row, now=now, lead=lead) for row in rows[:limit])
    return ListingPage(listed, _cursor(listed[-1]) if len(rows) > limit else None)


def one(asker: Asker, connection_id: UUID, *, now: datetime) -> ListedConnection:
    """One connection of the organization as the list shows it, all of it; raises NotFound for any other."""
    which = {"organization_id": asker.organization_id, "id": connection_id}
    with quick.Reader(db.engine) as reader:
        lead, row = policy.lead_of(asker, reader), reader.first(listing_queries.of_one(), which)
    listed = None if row is None else _listed(row, now=now, lead=lead)
    if listed is None or not asker.reaches(listed.provider_id):
        raise NotFound
    return listed


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The filters with the people they are about: None for everybody, and `is_about_many` where no list names them."""

    asker: Asker
    filters: Filters
    people: People

    @classmethod
    def by(cls, reader: Reader, asker: Asker, filters: Filters) -> Self:
        about = filters.is_about_people
        return cls(asker, filters, listing_people.few(reader, asker, **filters.about_people) if about else None)

    @property
    def can_be_met(self) -> bool:
        at = self.filters.provider_id
        return self.people != () and (at is None or self.asker.reaches(at))

    @property
    def limit(self) -> tuple[str, ...]:
        """The providers an API key is for, where nothing narrower was asked for."""
        return () if self.filters.provider_id else tuple(sorted(self.asker.providers or ()))

    @property
    def values(self) -> dict[str, Any]:
        return {
            "organization_id": self.asker.organization_id,
            "provider_id": self.filters.provider_id,
            "ends_before": self.filters.ends_before,
            **listing_queries.placed("person", self.people or ()),
            **listing_queries.placed("only", self.limit),
        }

    def shape(self, *, has_cursor: bool, has_grants: bool) -> Shape:
        return Shape(
            status=self.filters.status,
            has_provider=self.filters.provider_id is not None,
            has_end=self.filters.ends_before is not None,
            has_cursor=has_cursor,
            places=listing_queries.places_for(self.people or ()),
            providers=listing_queries.places_for(self.limit),
            has_grants=has_grants,
        )

    def query(self, shape: Shape) -> QuickSelect:
        if self.people is not None or not self.filters.is_about_people:
            return listing_queries.of_shape(shape)
        return listing_queries.of_many(shape, listing_people.conditions(self.asker, **self.filters.about_people))


def _listed(row: Row, *, now: datetime, lead: timedelta) -> ListedConnection:
    id_, provider_id, nickname, subject, label, state, ends_at, *rest = row
    status = status_of(state, ends_at, now=now, lead=lead)
    of_person, of_grant = rest[:OF_PERSON], rest[OF_PERSON:]
    if of_grant:
        access_expires_at, scopes, accounts, generation = of_grant
        of_grant = [access_expires_at, tuple((scopes or "").split()), tuple(accounts or ()), generation]
    return ListedConnection(id_, provider_id, nickname, subject, label, status, ends_at, *of_person, *of_grant)


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
        if moment.tzinfo is None:
            raise ValueError("a cursor's moment names its zone")
        return {"ends_at": moment.astimezone(UTC), "id": identity}
    except (ValueError, OverflowError) as error:
        raise InvalidRequest({"cursor": "This is not a cursor of ours: start again from the first page."}) from error
