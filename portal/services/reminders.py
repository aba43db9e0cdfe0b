"""Reminders: each live connection's place in its series, planned anew whenever its consent's end changes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, update

from portal.adapters import queue as bell
from portal.db import NEVER, after_commit, db, insert_into, transaction
from portal.models import Connection, Email, Event, Member, Reminder
from portal.models.email import WAITING_REMINDER, EmailKind, EmailStatus
from portal.rules import reminders as rules
from portal.rules.problems import Conflict, MemberDeactivated, NotFound, RateLimited
from portal.rules.reminders import ReminderPolicy
from portal.rules.status import HOLDING, ConnectionState
from portal.services import audit, emails, offers, sweep
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.policy import held_policies
from portal.services.series import next_step

Columns = dict[str, Any]

REPLANNED_AT_ONCE = 5_000
REMIND_AGAIN_AFTER = timedelta(minutes=10)  # a second press of the button is a slip, not a wish
JUST_ASKED = "This reminder was asked for a moment ago. Another can be sent ten minutes after it."
NOTHING_TO_REMIND_OF = "Nobody has to consent to this connection again, so there is nothing to remind its owner of."

claim_due = sweep.claim_due


@transaction
def plan(connection: Connection, *, now: datetime, is_fresh: bool) -> None:
    """Begin this connection's series anew after its state or consent end changed, in the transaction around us.

    Fresh (somebody has just consented): steps that have passed already are taken as sent, so that nobody is reminded
    seconds after renewing. Otherwise it starts at once. A claimed e-mail is let go of and has nothing to say any more.
    """
    plan_many([connection], now=now, is_fresh=is_fresh)


@transaction
def plan_many(connections: Sequence[Connection], *, now: datetime, is_fresh: bool) -> None:
    """As `plan`, for many at once (an import)."""
    db.session.flush()
    policies = held_policies({connection.organization_id for connection in connections})
    over = [connection.id for connection in connections if not _has_series(connection)]
    if over:
        db.session.connection().execute(delete(Reminder).where(Reminder.connection_id.in_(over)))
    _write(
        [
            _begun(connection, policies[connection.organization_id], now=now, is_fresh=is_fresh)
            for connection in connections
            if _has_series(connection)
        ]
    )


@transaction
def go_on(connection: Connection, *, now: datetime) -> None:
    """Go on with this connection's series by an end that has moved a little, in the transaction around us.

    A step that waits in an e-mail already is planned anew when that e-mail is settled.
    """
    db.session.flush()
    policy = held_policies([connection.organization_id])[connection.organization_id]
    row = db.session.get(Reminder, connection.id, with_for_update=True)  # a sweep may be about to claim it
    if row is None or row.email_id is not None or not _has_series(connection):
        return
    ends_at = connection.consent_expires_at or NEVER
    planned = next_step(ends_at, policy, after_step=row.last_step, now=now)
    row.next_at, row.next_step = planned["next_at"], planned["next_step"]


@transaction
def replan_organization(asker: Asker, *, now: datetime) -> int:
    """Plan every series of the organization by its new policy, going on after the steps already sent; returns how many.

    Steps that wait in an e-mail already are planned anew when that e-mail is settled.
    """
    policy = held_policies([asker.organization_id])[asker.organization_id]
    waiting = select(Reminder.connection_id, Reminder.last_step, Connection.consent_expires_at)
    waiting = waiting.join(Connection, Connection.id == Reminder.connection_id).where(Reminder.email_id.is_(None))
    ending = waiting.where(Reminder.organization_id == asker.organization_id, Connection.consent_expires_at < NEVER)
    rows = db.session.execute(ending).all()
    changes = [
        {"of": row.connection_id} | next_step(row.consent_expires_at, policy, after_step=row.last_step, now=now)
        for row in rows
    ]
    for start in range(0, len(changes), REPLANNED_AT_ONCE):
        replanned = update(Reminder).where(Reminder.connection_id == bindparam("of"), Reminder.email_id.is_(None))
        replanned = replanned.values(next_at=bindparam("next_at"), next_step=bindparam("next_step"))
        db.session.connection().execute(replanned, changes[start : start + REPLANNED_AT_ONCE])
    return len(changes)


@transaction
def remind_now(asker: Asker, connection_id: UUID, *, now: datetime) -> None:
    """Mail the connection's owner now because an admin wishes it; the series goes on as planned.

    An invitation that was not followed yet is sent again. Raises NotFound, MemberDeactivated, Conflict when there is
    nothing to be reminded of, RateLimited when somebody has just asked for it.
    """
    mine = select(Connection).where(Connection.id == connection_id)
    connection = db.session.scalars(mine.where(Connection.organization_id == asker.organization_id)).one_or_none()
    if connection is None:
        raise NotFound
    if db.session.get_one(Member, connection.member_id).deactivated_at is not None:
        raise MemberDeactivated
    _refuse_if_just_asked(connection, now)
    if connection.state is ConnectionState.INVITED:
        place = f"/connections/{connection.id}"
        kind = EmailKind.INVITATION
        emails.queue(
            connection.organization_id, connection.member_id, kind, now=now, connection_id=connection.id, place=place
        )
    elif _has_series(connection):
        _add_to_waiting(connection, now)
    else:
        raise Conflict(NOTHING_TO_REMIND_OF)
    who = {"connection_id": connection.id, "member_id": connection.member_id}
    audit.record(asker, EventKind.REMINDER_REQUESTED, now=now, **who)


def _has_series(connection: Connection) -> bool:
    """Whether somebody can be reminded of it: a consent that ends, and not a key, of which the admins hear."""
    if connection.state not in HOLDING or connection.consent_expires_at is None:
        return False
    return not offers.is_service(connection.provider_id)


def _begun(connection: Connection, policy: ReminderPolicy, *, now: datetime, is_fresh: bool) -> Columns:
    ends_at = connection.consent_expires_at or NEVER
    passed = rules.current_step(ends_at, policy, now=now) if is_fresh else None
    return {
        "connection_id": connection.id,
        "organization_id": connection.organization_id,
        "member_id": connection.member_id,
        "last_step": passed,
        "email_id": None,
    } | next_step(ends_at, policy, after_step=passed, now=now)


def _write(rows: Sequence[Columns]) -> None:
    """Insert or overwrite whole rows: what a claim may have written in the meantime must not shine through."""
    if not rows:
        return
    adding = insert_into(Reminder)
    renewed = {name: getattr(adding.excluded, name) for name in ("next_at", "next_step", "last_step", "email_id")}
    db.session.connection().execute(
        adding.on_conflict_do_update(index_elements=["connection_id"], set_=renewed), list(rows)
    )


def _refuse_if_just_asked(connection: Connection, now: datetime) -> None:
    asked = select(Event.at).where(Event.connection_id == connection.id, Event.kind == EventKind.REMINDER_REQUESTED)
    last = db.session.scalars(asked.order_by(Event.id.desc()).limit(1)).one_or_none()
    if last is not None and timedelta(0) <= now - last < REMIND_AGAIN_AFTER:
        raise RateLimited(last + REMIND_AGAIN_AFTER - now, JUST_ASKED)


def _add_to_waiting(connection: Connection, now: datetime) -> None:
    """Put the connection into the member's waiting reminder, or into a new one: there is never a second that waits."""
    email = _waiting_of(connection) or _new_reminder(connection, now) or _waiting_of(connection)
    if email is None:
        raise Conflict
    asked_for = email.detail.get("connections", [])
    email.detail = {"connections": sorted({*asked_for, str(connection.id)})}
    db.session.flush()
    after_commit(partial(bell.ring, emails.DELIVER, [email.id]))


def _waiting_of(connection: Connection) -> Email | None:
    waiting = select(Email).where(Email.member_id == connection.member_id, WAITING_REMINDER)
    return db.session.scalars(waiting.with_for_update().execution_options(populate_existing=True)).one_or_none()


def _new_reminder(connection: Connection, now: datetime) -> Email | None:
    adding = insert_into(Email).values(
        organization_id=connection.organization_id,
        member_id=connection.member_id,
        kind=EmailKind.REMINDER,
        status=EmailStatus.QUEUED,
        detail={},
        created_at=now,
        next_attempt_at=now,
        attempts=0,
    )
    unless_waiting = adding.on_conflict_do_nothing(index_elements=["member_id"], index_where=WAITING_REMINDER)
    return db.session.scalars(unless_waiting.returning(Email)).one_or_none()
