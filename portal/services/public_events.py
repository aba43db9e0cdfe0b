"""Public events: what backends are told of an organization's connections, read from the audit log.

The log is written in the transaction of each change, so nothing that happened is missing here and nothing is here that
did not happen. Events appear some seconds later, once nothing older can appear any more (see `services.settling`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, union_all

from portal.db import db, reading
from portal.models import Connection, Event, EventFeed, Member
from portal.rules.moments import in_iso
from portal.rules.webhooks import PUBLIC_TYPES, PublicType, public_facts
from portal.services.asker import Asker

PAGE_SIZE = 100
LARGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class PublicEvent:
    """One public event; its facts are ids and plain words, as they stand in the log."""

    id: int
    organization_id: UUID
    type: PublicType
    at: datetime
    connection_id: UUID
    provider_id: str
    nickname: str
    member_email: str
    member_name: str
    facts: dict[str, Any]

    @property
    def document(self) -> dict[str, Any]:
        """The event as backends see it, polled or sent."""
        about = {
            "connection_id": str(self.connection_id),
            "provider": self.provider_id,
            "nickname": self.nickname,
            "member": {"email": self.member_email, "name": self.member_name},
        }
        return {"id": self.id, "type": self.type.value, "at": in_iso(self.at), "data": about | self.facts}


@reading
def page(asker: Asker, *, after: int, limit: int = PAGE_SIZE) -> tuple[PublicEvent, ...]:
    """The organization's published events behind the one with the id `after`, in order, at most `limit` of them.

    A key that is for some providers alone sees the events of these.
    """
    ids = union_all(*(_of_one_kind(asker, kind, after, limit) for kind in PUBLIC_TYPES)).subquery()
    first = select(ids.c.id).order_by(ids.c.id).limit(limit)
    return told(described().where(Event.id.in_(first)).order_by(Event.id))


def described() -> Select[*tuple[Any, ...]]:
    """Events with the connections and members they are about."""
    about = (Event.connection_id, Connection.provider_id, Connection.nickname, Member.email, Member.name)
    found = select(Event.id, Event.organization_id, Event.kind, Event.at, Event.facts, *about)
    found = found.join(Connection, Connection.id == Event.connection_id)
    return found.join(Member, Member.id == Connection.member_id)


def told(query: Select[*tuple[Any, ...]]) -> tuple[PublicEvent, ...]:
    """The events that a query made of `described` finds."""
    return tuple(_public_event(row) for row in db.session.execute(query))


def _of_one_kind(asker: Asker, kind: str, after: int, limit: int) -> Select[int]:
    """The first of one kind: so many of each suffice, and an index leads straight to them past everything private."""
    published = select(EventFeed.published_id).scalar_subquery()
    own = select(Event.id).where(Event.organization_id == asker.organization_id, Event.kind == kind)
    first = own.where(Event.id > after, Event.id <= published).order_by(Event.id).limit(limit)
    if asker.providers is not None:
        reached = Connection.provider_id.in_(asker.providers)
        first = first.join(Connection, Connection.id == Event.connection_id).where(reached)
    return select(first.subquery().c.id)


def _public_event(row: Row[*tuple[Any, ...]]) -> PublicEvent:
    public_type = PUBLIC_TYPES[row.kind]
    return PublicEvent(
        id=row.id,
        organization_id=row.organization_id,
        type=public_type,
        at=row.at,
        connection_id=row.connection_id,
        provider_id=row.provider_id,
        nickname=row.nickname,
        member_email=row.email,
        member_name=row.name,
        facts=public_facts(public_type, row.facts),
    )
