"""When a provider is asked whether a connection's tokens still live, and what its answer leads to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.rules.verdicts import Fault, FaultAction, Verdict

EVERY = timedelta(days=1)
PROVED_BY_REFRESHES = timedelta(days=3)  # a token refreshed at least this often needs no other proof
ASKS_IN_IDLE_TIME = 4  # an unused token is shown so many times before the provider would drop it
SPREAD = 0.1  # of the interval, so that connections made together are not asked about together
FIRST_AFTER = timedelta(minutes=2)  # a provider may need a moment to know its own new token
FIRST_SPREAD = timedelta(minutes=3)
IMPORT_SPREAD = timedelta(hours=1)
BACKOFF_FIRST = timedelta(minutes=10)
BACKOFF_LONGEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """What a provider's file says: whether it tells who a token belongs to, and when it drops an unused one."""

    can_be_asked: bool
    idle: timedelta | None = None


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """How long a connection's tokens go unseen: the time between two background refreshes, None where none happen."""

    refreshed_every: timedelta | None


class Step(StrEnum):
    """What an answer to a probe leads to; `refused` is a token just refreshed that is not taken all the same."""

    ALIVE = "alive"
    REFRESH = "refresh"
    REFUSED = "refused"
    GIVE_UP = "give_up"
    WAIT = "wait"


def probe_interval(provider: ProviderFacts, tokens: TokenFacts) -> timedelta | None:
    """How often the provider is asked; None where refreshes prove the tokens, or where it cannot be asked."""
    if not provider.can_be_asked:
        return None
    if tokens.refreshed_every is not None and tokens.refreshed_every <= PROVED_BY_REFRESHES:
        return None
    return min(EVERY, provider.idle / ASKS_IN_IDLE_TIME) if provider.idle else EVERY


def first_at(now: datetime, *, jitter: float) -> datetime:
    """When a grant that was just accepted is looked at: 2-5 minutes later, the moment by `jitter` in [0, 1)."""
    return now + FIRST_AFTER + FIRST_SPREAD * jitter


def imported_at(now: datetime, *, jitter: float) -> datetime:
    """As `first_at`, for grants that come by the thousand: within the hour."""
    return now + FIRST_AFTER + IMPORT_SPREAD * jitter


def next_at(now: datetime, interval: timedelta | None, *, jitter: float) -> datetime | None:
    """When it is asked again after a good answer; None for never."""
    return None if interval is None else now + interval * (1 - SPREAD * jitter)


def spread_at(now: datetime, interval: timedelta | None, *, jitter: float) -> datetime | None:
    """When one of many connections that all come at once is first asked about: anywhere in the interval."""
    return None if interval is None else now + interval * jitter


def backoff(failures: int, *, jitter: float, retry_after: timedelta | None) -> timedelta:
    """How long to wait after the `failures`-th answer in a row that says nothing: 10-20 minutes, doubling to 12 hours.

    A longer `Retry-After` is obeyed, up to a day.
    """
    shortest = min(BACKOFF_FIRST * (1 << min(max(failures, 1) - 1, 10)), BACKOFF_LONGEST / 2)
    return max(shortest * (1 + jitter), min(retry_after or timedelta(0), EVERY))


def step_after(verdict: Verdict, *, can_refresh: bool, is_just_refreshed: bool) -> Step:
    """What the answer means for the tokens. Only what speaks about them changes anything: all else waits."""
    if verdict.fault in {Fault.OK, Fault.SCOPE_MISSING}:
        return Step.ALIVE  # it knew the token, whatever it thinks of the question
    if verdict.fault is Fault.REVOKED:
        return Step.GIVE_UP
    if verdict.fault is not Fault.EXPIRED:
        return Step.WAIT
    if is_just_refreshed:
        return Step.REFUSED
    return Step.REFRESH if can_refresh and verdict.action is FaultAction.REFRESH else Step.GIVE_UP
