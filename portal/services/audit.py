"""The audit log: what happened, told in the transaction that made it happen."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Select, insert, select

from portal.db import db, reading
from portal.models import ApiKey, Event, Member
from portal.quick import QuickWrite
from portal.rules import happenings
from portal.services.asker import Asker

PAGE_SIZE = 50
EXPORT_CHUNK = 1_000


class EventKind(StrEnum):
    """The closed vocabulary, `subject:action`."""

    ORGANIZATION_CREATED = "organization:created"
    POLICY_CHANGED = "policy:changed"
    MEMBER_ADDED = "member:added"
    MEMBER_INVITED = "member:invited"
    MEMBER_CHANGED = "member:changed"
    MEMBER_DEACTIVATED = "member:deactivated"
    MEMBER_REACTIVATED = "member:reactivated"
    MEMBERS_IMPORTED = "members:imported"
    LOGIN_LINK_USED = "login_link:used"
    SESSION_BEGUN = "session:begun"
    SESSION_ENDED = "session:ended"
    SESSIONS_ENDED = "sessions:ended"
    CONNECTION_INVITED = "connection:invited"
    CONNECTION_IMPORTED = "connection:imported"
    CONNECTION_CONNECTED = "connection:connected"
    CONNECTION_RENAMED = "connection:renamed"
    CONNECTION_RECONNECTED = "connection:reconnected"
    CONNECTION_ENDING = "connection:ending"
    CONNECTION_ENDED = "connection:ended"
    CONNECTION_NEEDS_RECONSENT = "connection:needs_reconsent"
    CONNECTION_DISPLACED = "connection:displaced"
    CONNECTION_DISCONNECTED = "connection:disconnected"
    CONNECTIONS_EXPORTED = "connections:exported"
    CONNECTIONS_IMPORTED = "connections:imported"
    CONSENT_BEGUN = "consent:begun"
    CONSENT_DENIED = "consent:denied"
    CONSENT_REFUSED = "consent:refused"
    GRANT_PENDING = "grant:pending"
    GRANT_REPLACED = "grant:replaced"
    GRANT_CANCELLED = "grant:cancelled"
    GRANT_FORGOTTEN = "grant:forgotten"
    GRANT_ROTATED = "grant:rotated"
    GRANT_REVOKED = "grant:revoked"
    GRANT_REUSE_SUSPECTED = "grant:reuse_suspected"
    INCIDENT_RELEASED = "incident:released"
    INCIDENT_HEALED = "incident:healed"
    GRANT_REJECTED = "grant:rejected"
    SUBJECT_CHANGED = "subject:changed"
    SCOPES_CHANGED = "scopes:changed"
    ACCOUNTS_CHANGED = "accounts:changed"
    ALERT_RAISED = "alert:raised"
    SERVICE_KEY_ENTERED = "service_key:entered"
    SERVICE_KEY_REPLACED = "service_key:replaced"
    REMINDER_REQUESTED = "reminder:requested"
    REMINDER_SENT = "reminder:sent"
    EMAIL_SENT = "email:sent"
    EMAIL_PARKED = "email:parked"
    API_KEY_CREATED = "api_key:created"
    API_KEY_REPLACED = "api_key:replaced"
    API_KEY_REVOKED = "api_key:revoked"
    WEBHOOK_CREATED = "webhook:created"
    WEBHOOK_CHANGED = "webhook:changed"
    WEBHOOK_PAUSED = "webhook:paused"
    WEBHOOK_RESUMED = "webhook:resumed"
    WEBHOOK_ROTATED = "webhook:secret_rotated"
    WEBHOOK_TESTED = "webhook:tested"
    WEBHOOK_SENT_AGAIN = "webhook:sent_again"
    WEBHOOK_SWITCHED_OFF = "webhook:switched_off"
    WEBHOOK_DELETED = "webhook:deleted"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One line of the log."""

    id: int
    at: datetime
    kind: str
    actor: str
    member_id: UUID | None
    connection_id: UUID | None
    facts: dict[str, Any]
    who: str  # the actor in words

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        return happenings.sentence(self.kind, self.facts)


Happened = tuple[UUID | None, UUID | None, dict[str, Any]]
"""Whom an event is about, which connection, and its facts."""

_COLUMNS = ("organization_id", "at", "kind", "actor", "member_id", "connection_id", "facts")
_INSERT = QuickWrite(insert(Event).inline(), _COLUMNS)  # nobody asks for the new ids


def record(
    asker: Asker,
    kind: EventKind,
    *,
    now: datetime,
    connection_id: UUID | None = None,
    member_id: UUID | None = None,
    **facts: object,
) -> None:
    """Write one event in the transaction around us; facts are ids, numbers and plain words, never secrets."""
    db.session.add(Event(**row(asker, kind, now=now, connection_id=connection_id, member_id=member_id, **facts)))


def row(
    asker: Asker,
    kind: EventKind,
    *,
    now: datetime,
    connection_id: UUID | None = None,
    member_id: UUID | None = None,
    **facts: object,
) -> dict[str, Any]:
    """One event as `record` writes it, to be written with others by `record_rows`."""
    return {
        "organization_id": asker.organization_id,
        "at": now,
        "kind": kind.value,
        "actor": asker.actor,
        "member_id": member_id,
        "connection_id": connection_id,
        "facts": facts,
    }


def record_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write these events at once in the transaction around us."""
    _INSERT.run(db.session(), rows)


def record_many(asker: Asker, kind: EventKind, happened: Sequence[Happened], *, now: datetime) -> None:
    """As `record`, for many events of a kind at once, and for those that must cost next to nothing."""
    common = {"organization_id": asker.organization_id, "at": now, "kind": kind.value, "actor": asker.actor}
    rows = [common | {"member_id": of, "connection_id": about, "facts": facts} for of, about, facts in happened]
    record_rows(rows)


@reading
def history(asker: Asker, connection_id: UUID, *, limit: int = PAGE_SIZE) -> tuple[LoggedEvent, ...]:
    """A connection's events, newest first."""
    newest = select(Event).where(Event.connection_id == connection_id, Event.organization_id == asker.organization_id)
    return _told(newest.order_by(Event.id.desc()).limit(limit))


@reading
def page(asker: Asker, *, before: int | None = None, kind: str | None = None) -> tuple[LoggedEvent, ...]:
    """One page of the organization's log, newest first, of events older than `before`."""
    newest = select(Event).where(Event.organization_id == asker.organization_id).order_by(Event.id.desc())
    if before is not None:
        newest = newest.where(Event.id < before)
    if kind:
        newest = newest.where(Event.kind == kind)
    return _told(newest.limit(PAGE_SIZE))


@reading
def after(asker: Asker, after_id: int, *, limit: int = EXPORT_CHUNK) -> tuple[LoggedEvent, ...]:
    """The organization's events in order, those after `after_id`."""
    oldest = select(Event).where(Event.organization_id == asker.organization_id, Event.id > after_id)
    return _told(oldest.order_by(Event.id).limit(limit))


def export(asker: Asker) -> Iterator[str]:
    """The organization's whole log as JSON lines, oldest first, read in chunks."""
    last = 0
    while chunk := after(asker, last):
        yield from (_json_line(event) for event in chunk)
        last = chunk[-1].id


def _json_line(event: LoggedEvent) -> str:
    ids = {"member_id": event.member_id, "connection_id": event.connection_id}
    line = {"id": event.id, "at": event.at.isoformat(), "event": event.kind, "actor": event.actor}
    line |= {name: str(value) for name, value in ids.items() if value is not None}
    return json.dumps(line | {"facts": event.facts}, ensure_ascii=False, sort_keys=True)


def _told(query: Select[Event]) -> tuple[LoggedEvent, ...]:
    rows = db.session.scalars(query).all()
    names = _names({row.actor for row in rows})
    return tuple(_logged(row, happenings.actor_words(row.actor, names)) for row in rows)


def _names(actors: set[str]) -> dict[str, str]:
    keys = _named(ApiKey, "api_key:", actors)
    return _named(Member, "member:", actors) | {actor: f"the backend “{name}”" for actor, name in keys.items()}


def _named(table: type[Member] | type[ApiKey], prefix: str, actors: set[str]) -> dict[str, str]:
    ids = [UUID(actor.removeprefix(prefix)) for actor in actors if actor.startswith(prefix)]
    rows = db.session.execute(select(table.id, table.name).where(table.id.in_(ids))) if ids else ()
    return {f"{prefix}{row_id}": name for row_id, name in rows}


def _logged(row: Event, who: str) -> LoggedEvent:
    return LoggedEvent(row.id, row.at, row.kind, row.actor, row.member_id, row.connection_id, row.facts, who)
