"""When an access token is refreshed, how long a failure waits, and how long one refresh may take."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

REFRESH_FLOOR = timedelta(seconds=300)
DEFAULT_MIN_TTL = timedelta(seconds=60)
EARLY = 0.75
JITTER_SPREAD = 0.05  # of the life: between 75 % and 80 % of it

BACKOFF_FIRST = timedelta(seconds=30)
BACKOFF_LONGEST = timedelta(hours=1)
RETRY_AFTER_LONGEST = timedelta(days=1)  # a daily quota is believed, a slip of the provider's pen is not

HTTP_DEADLINE = timedelta(seconds=10)
LEASE = timedelta(seconds=20)


def refresh_at(issued_at: datetime, access_expires_at: datetime, *, jitter: float, early: float = EARLY) -> datetime:
    """When the background refreshes: at 75-80 % of the life, at least 300 s before its end (short lives: at half).

    `jitter` in [0, 1) is the connection's own, so that connections made together do not refresh together.
    """
    life = access_expires_at - issued_at
    floor = min(REFRESH_FLOOR, life / 2)
    return min(issued_at + life * (early + JITTER_SPREAD * jitter), access_expires_at - floor)


def jitter_of(connection_id: UUID | str) -> float:
    """A number in [0, 1) that is always the same for one connection and spread evenly over many."""
    digest = hashlib.sha256(str(connection_id).encode()).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2**53  # 53 bits: what a float holds without rounding up to 1


def is_fresh(access_expires_at: datetime | None, *, now: datetime, min_ttl: timedelta) -> bool:
    """Whether a token may be handed out: it lives, and for `min_ttl` at least; None means that it never expires."""
    if access_expires_at is None:
        return True
    return now < access_expires_at and access_expires_at - now >= min_ttl


def granted_min_ttl(min_ttl: timedelta | None, *, life: timedelta | None) -> timedelta:
    """The rest of life a caller may insist on: 60 s unless asked otherwise, never more than the token's whole life.

    `life` is None for a token that never expires. Whoever waited for a refresh takes its token without asking again:
    a caller who insists on the whole life would otherwise refresh for ever.
    """
    asked = max(timedelta(0), DEFAULT_MIN_TTL if min_ttl is None else min_ttl)
    return asked if life is None else min(asked, max(timedelta(0), life))


def backoff(failures: int, *, jitter: float, retry_after: timedelta | None) -> timedelta:
    """How long to wait after the `failures`-th failure in a row (1 is the first).

    30-60 s, doubling to 30-60 minutes, the place inside the range by `jitter` in [0, 1). A longer `Retry-After` of the
    provider is obeyed up to a day, and spread over 30 s so that its connections do not all come back at once.
    """
    shortest = min(BACKOFF_FIRST * (1 << min(max(failures, 1) - 1, 10)), BACKOFF_LONGEST / 2)
    wait = shortest * (1 + jitter)
    if retry_after is None:
        return wait
    return max(wait, min(retry_after, RETRY_AFTER_LONGEST) + BACKOFF_FIRST * jitter)


def lease_lengths(grace: timedelta | None) -> tuple[timedelta, timedelta]:
    """How long one call to the provider may take and how long its lease lasts: call < lease < the provider's grace.

    With a grace (the time in which the previous refresh token still works) half of it is left to recover from a worker
    that died with the answer. None and zero mean that there is no grace.
    """
    if not grace:
        return HTTP_DEADLINE, LEASE
    return min(HTTP_DEADLINE, grace / 3), min(LEASE, grace / 2)
