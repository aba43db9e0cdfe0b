"""Planning reminders, sending what is due, and looking at what became of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update

from portal.db import db, reading, transaction
from portal.models import Connection, Email, Event, LoginLink, Organization, Reminder
from portal.rules.status import ConnectionState
from portal.services import emails, reminders
from portal.services.delivery import Tally
from tests.factories import NOON, Person, make_connection


def make_reminded(owner: Person, *, ends_in: timedelta, now: datetime = NOON, nickname: str = "Company page") -> UUID:
    """A connection whose series starts at once."""
    connection_id = make_connection(owner, consent_ends_in=ends_in, nickname=nickname, now=now)
    replan(connection_id, now=now)
    return connection_id


@transaction
def replan(connection_id: UUID, *, now: datetime, is_fresh: bool = False, **columns: Any) -> None:
    """Change columns of a connection and plan its series anew, as whoever changes it has to."""
    connection = db.session.get_one(Connection, connection_id)
    for name, value in columns.items():
        setattr(connection, name, value)
    reminders.plan(connection, now=now, is_fresh=is_fresh)


@transaction
def set_policy(organization_id: UUID, **columns: Any) -> None:
    """Change an organization's row and nothing else."""
    db.session.execute(update(Organization).where(Organization.id == organization_id).values(**columns))


@transaction
def set_state(connection_id: UUID, state: ConnectionState) -> None:
    """Change a connection's state and forget to plan: what a delivery must notice by itself."""
    db.session.get_one(Connection, connection_id).state = state


def sweep(now: datetime) -> Tally:
    """What the ticker and the workers do at this moment."""
    reminders.claim_due(now=now)
    return deliver_due(now)


def deliver_due(now: datetime) -> Tally:
    """What the workers do at this moment with e-mails that are queued already."""
    return sum((emails.deliver(batch.email_ids, now=now) for batch in emails.due_batches(now=now)), Tally())


@reading
def outbox() -> Sequence[Email]:
    """Every e-mail's row, oldest first."""
    return _kept(select(Email).order_by(Email.id))


@reading
def series(connection_id: UUID) -> Reminder | None:
    """Where the connection stands."""
    rows = _kept(select(Reminder).where(Reminder.connection_id == connection_id))
    return rows[0] if rows else None


@reading
def links_of(person: Person) -> Sequence[LoginLink]:
    """Every link of this person, oldest first."""
    return _kept(select(LoginLink).where(LoginLink.member_id == person.id).order_by(LoginLink.id))


@reading
def events(kind: str) -> Sequence[Event]:
    """The log's lines of one kind, oldest first."""
    return _kept(select(Event).where(Event.kind == kind).order_by(Event.id))


def _kept(query: Select[Any]) -> Sequence[Any]:
    """The rows as they are now, whatever the session does later."""
    rows = db.session.scalars(query.execution_options(populate_existing=True)).all()
    db.session.expunge_all()
    return rows
