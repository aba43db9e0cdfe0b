"""Day buckets: how many connections of each kind end on each day, kept exact in the transaction of every change.

Counting a million rows takes a hundred times longer than adding up these. A session listener moves counts for every
connection that goes through the ORM; statements that write connections in bulk call `move` themselves.
"""

from collections import Counter
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Date, ForeignKey, String, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import History

from portal.db import NEVER, Base
from portal.models.columns import word
from portal.models.connection import Connection
from portal.rules.status import ConnectionState

COUNTED = ("organization_id", "provider_id", "state", "consent_expires_at")


class BucketKey(NamedTuple):
    """Which bucket a connection counts in; `day` is the UTC day its consent ends (NEVER's if it does not)."""

    organization_id: UUID
    provider_id: str
    state: ConnectionState
    day: date


class DayBucket(Base):
    """One count. The key's order is the one they are added up in: by state, then by day."""

    __tablename__ = "day_buckets"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's way: the rows lie in the key's order

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    state: Mapped[ConnectionState] = mapped_column(word(ConnectionState), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    connections: Mapped[int]


def move(session: Session, changes: Counter[BucketKey]) -> None:
    """Add the changes (which may be negative) to the stored counts, in a fixed order so that writers never deadlock."""
    rows = [key._asdict() | {"connections": n} for key, n in sorted(changes.items()) if n]
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    adding = dialect.insert(DayBucket)
    added = {"connections": DayBucket.connections + adding.excluded.connections}
    session.connection().execute(adding.on_conflict_do_update(index_elements=list(BucketKey._fields), set_=added), rows)


def _before(connection: Connection) -> BucketKey:
    attributes = inspect(connection).attrs
    organization_id, provider_id, state, ends_at = (_was(attributes[name].history) for name in COUNTED)
    return _key(organization_id, provider_id, state, ends_at)


def _was(past: History) -> Any:
    return next(iter(past.deleted or past.unchanged))


def _after(connection: Connection) -> BucketKey:
    organization_id, provider_id, state, ends_at = (getattr(connection, name) for name in COUNTED)
    return _key(organization_id, provider_id, state, ends_at)


def _key(organization_id: UUID, provider_id: str, state: ConnectionState, ends_at: Any) -> BucketKey:
    return BucketKey(organization_id, provider_id, state, (ends_at or NEVER).date())


@event.listens_for(Session, "after_flush")
def _count(session: Session, _context: object) -> None:
    changes: Counter[BucketKey] = Counter()
    for row in session.new:
        if isinstance(row, Connection):
            changes[_after(row)] += 1
    for row in session.dirty:
        if isinstance(row, Connection) and session.is_modified(row):
            changes[_before(row)] -= 1
            changes[_after(row)] += 1
    for row in session.deleted:
        if isinstance(row, Connection):
            changes[_before(row)] -= 1
    move(session, changes)
