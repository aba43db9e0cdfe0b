"""How the portal is: whether each of its parts can do its work, and the numbers that monitoring collects."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from portal.adapters import queue
from portal.db import NEVER, db, reading
from portal.models import DayBucket, Email, Grant, Reminder
from portal.rules import failing
from portal.rules.problems import DatabaseNewer
from portal.services import heartbeats, schema

FAILING = "Connections whose refreshes have failed for a day"
LATELY = timedelta(seconds=30)  # the scheduler says every few seconds that it is at work


@dataclass(frozen=True, slots=True)
class Check:
    """One part and, if it cannot do its work, why not."""

    name: str
    reason: str | None

    @property
    def is_ok(self) -> bool:
        return self.reason is None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number; `labels` tell several of the same name apart."""

    name: str
    meaning: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def checks(*, machine_now: datetime) -> tuple[Check, ...]:
    """The parts a portal needs to be ready, by the machine's own time."""
    database = Check("database", _database())
    scheduler = Check("scheduler", _scheduler(machine_now) if database.is_ok else "the database cannot tell")
    return (database, Check("queue", _queue()), scheduler)


def measures(*, now: datetime, machine_now: datetime) -> tuple[Measure, ...]:
    """What monitoring collects, counted at the moment it asks, so that any number of processes tell the same."""
    return (*_connections(), *_work_waiting(now), *_queue_length(), *_signs_of_life(machine_now))


def _database() -> str | None:
    try:
        return None if schema.version().is_current else "run `portal migrate`"
    except DatabaseNewer as newer:
        return newer.title
    except SQLAlchemyError as error:
        return f"it does not answer ({type(error).__name__})"


def _queue() -> str | None:
    return None if queue.is_reachable() else "Redis does not answer"


def _scheduler(machine_now: datetime) -> str | None:
    seen_at = heartbeats.seen(heartbeats.SCHEDULER)
    if seen_at is None:
        return "it was never seen: start `portal scheduler`"
    silent_for = machine_now - seen_at
    return None if silent_for <= LATELY else f"it was last seen {int(silent_for.total_seconds())} seconds ago"


@reading
def _connections() -> list[Measure]:
    by_state = select(DayBucket.state, func.sum(DayBucket.connections)).group_by(DayBucket.state)
    meaning = "Connections by their stored state"
    return [
        Measure("reconsent_connections", meaning, float(count), (("state", state.value),))
        for state, count in db.session.execute(by_state)
    ]


@reading
def _work_waiting(now: datetime) -> list[Measure]:
    counts = (
        ("reconsent_emails_waiting", "E-mails not settled yet", Email.next_attempt_at < NEVER),
        ("reconsent_emails_due", "E-mails that should be on their way", Email.next_attempt_at <= now),
        ("reconsent_reminders_due", "Reminder steps that nobody has claimed yet", Reminder.next_at <= now),
        ("reconsent_refreshes_due", "Tokens that should be refreshed now", Grant.refresh_due_at <= now),
        ("reconsent_refreshes_failing", FAILING, Grant.failing_since <= now - failing.TOLD_AFTER),
    )
    return [
        Measure(name, meaning, float(db.session.scalar(select(func.count()).where(which)) or 0))
        for name, meaning, which in counts
    ]


def _queue_length() -> list[Measure]:
    try:
        return [Measure("reconsent_queue_jobs", "Jobs that wait for a worker", float(queue.length()))]
    except queue.QueueGone:
        return []  # no number is better than a wrong one; /readyz says why


def _signs_of_life(machine_now: datetime) -> list[Measure]:
    meaning = "Seconds since this part was last at work"
    seen = {name: heartbeats.seen(name) for name in (heartbeats.SCHEDULER, heartbeats.WORKER)}
    return [
        Measure("reconsent_silent_seconds", meaning, (machine_now - at).total_seconds(), (("part", name),))
        for name, at in seen.items()
        if at is not None
    ]
