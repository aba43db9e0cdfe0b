"""What a connection is: the stored state, the status people see, and the date on which a human must act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ConnectionState(StrEnum):
    """What is stored: only evidence about the credentials or a person's decision changes it, never the clock."""

    INVITED = "invited"
    ACTIVE = "active"
    NEEDS_RECONSENT = "needs_reconsent"
    DISPLACED = "displaced"
    DISCONNECTED = "disconnected"


class Status(StrEnum):
    """What people and backends see: the state, and for an active connection how near its consent's end is."""

    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"
    NEEDS_RECONSENT = "needs_reconsent"
    DISPLACED = "displaced"
    DISCONNECTED = "disconnected"
    INVITED = "invited"

    @property
    def label(self) -> str:
        """The status as people read it."""
        return self.value.replace("_", " ").capitalize()

    @property
    def is_live(self) -> bool:
        """Whether the connection holds its login."""
        return self in LIVE


LIVE = frozenset({Status.ACTIVE, Status.ENDING, Status.ENDED, Status.NEEDS_RECONSENT})
"""The statuses of a connection that holds its provider login, so that its next date means something."""


class EndStage(StrEnum):
    """What is announced of a consent's end, each once."""

    ENDING = "ending"
    ENDED = "ended"


SAME_END = timedelta(days=1)  # an end that a refresh moves by less is the same end, only known better


@dataclass(frozen=True, slots=True)
class Announced:
    """What has been announced, and of which end."""

    stage: EndStage
    ends_at: datetime


def announcement(ends_at: datetime, last: Announced | None, *, now: datetime) -> EndStage | None:
    """What is to be announced of an end that is near or has passed; None when that was announced already."""
    stage = EndStage.ENDED if ends_at <= now else EndStage.ENDING
    if last is None or abs(ends_at - last.ends_at) >= SAME_END:
        return stage
    return None if last.stage in (stage, EndStage.ENDED) else stage


HOLDING = frozenset({ConnectionState.ACTIVE, ConnectionState.NEEDS_RECONSENT})
"""The states in which a connection holds its provider login: nobody else may link that login without a review."""


def status_of(state: ConnectionState, consent_expires_at: datetime | None, *, now: datetime, lead: timedelta) -> Status:
    """The status of a connection; `lead` is the length of the reminder window, its first and last moments included."""
    if state is not ConnectionState.ACTIVE:
        return Status(state.value)
    if consent_expires_at is None or consent_expires_at > now + lead:
        return Status.ACTIVE
    return Status.ENDING if consent_expires_at > now else Status.ENDED


class HumanClock(StrEnum):
    """The clocks that no background refresh can move, in the order in which they are named when they end together."""

    REFRESH_ABSOLUTE = "refresh_absolute"
    ACCESS_WITHOUT_REFRESH = "access_without_refresh"
    CONSENT = "consent"
    POLICY = "policy"


class DateSource(StrEnum):
    """Where a date comes from, from the surest down; the pages show how sure a date is."""

    RESPONSE = "response"
    INTROSPECTION = "introspection"
    CATALOG = "catalog"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Clocks:
    """A grant's clocks that need a human; None where the provider states none."""

    refresh_absolute_at: datetime | None = None
    access_ends_at_without_refresh: datetime | None = None
    consent_ends_at: datetime | None = None
    policy_ends_at: datetime | None = None
    refresh_absolute_source: DateSource = DateSource.RESPONSE
    access_source: DateSource = DateSource.RESPONSE
    consent_source: DateSource = DateSource.RESPONSE


@dataclass(frozen=True, slots=True)
class HumanDeadline:
    """The moment a human must act, the clock that says so and where its date comes from."""

    at: datetime
    clock: HumanClock
    source: DateSource


def human_deadline(clocks: Clocks) -> HumanDeadline | None:
    """The earliest of the provider's clocks; the admin's period counts only where the provider states none."""
    stated = (
        (clocks.refresh_absolute_at, HumanClock.REFRESH_ABSOLUTE, clocks.refresh_absolute_source),
        (clocks.access_ends_at_without_refresh, HumanClock.ACCESS_WITHOUT_REFRESH, clocks.access_source),
        (clocks.consent_ends_at, HumanClock.CONSENT, clocks.consent_source),
    )
    deadlines = [HumanDeadline(at, clock, source) for at, clock, source in stated if at is not None]
    if not deadlines and clocks.policy_ends_at is not None:
        return HumanDeadline(clocks.policy_ends_at, HumanClock.POLICY, DateSource.ADMIN)
    return min(deadlines, key=lambda deadline: deadline.at, default=None)


def consent_expires_at(clocks: Clocks) -> datetime | None:
    """The date that reminders count down to; None when only a failure can call for a human."""
    deadline = human_deadline(clocks)
    return deadline.at if deadline else None
