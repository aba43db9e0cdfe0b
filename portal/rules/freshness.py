"""When an access token is refreshed, how long a failure waits, and how long one refresh may take."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

REFRESH_FLOOR = timedelta(seconds=300)
DEFAULT_MIN_TTL = timedelta(seconds=60)
EARLY = 0.75
JITTER_SPREAD = 0.05  # of the life: between 75 % and 80 % of it
YOUNG_SHARE, YOUNG_LONGEST = 1 / 10, timedelta(minutes=5)  # of a life: so long a token is left to those who have it
MOST_OF_LIFE_UNASKED = 1 / 4  # what a caller who says nothing may insist on: the background needs the rest
LEAST_GAIN = 0.05  # of the time gone by; answers round to seconds and take some
SLACK = timedelta(minutes=1)  # ends that are nearer to each other than answers and clocks are exact are one end
EXCHANGED_AGAIN_AFTER = timedelta(days=1)  # an exchange that brought no later end is not repeated sooner

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


def next_refresh_at(
    issued_at: datetime,
    *,
    access_ends_at: datetime | None,
    sliding_ends: Iterable[datetime | None] = (),
    final_end_at: datetime | None = None,
    min_age: timedelta = timedelta(0),
    jitter: float,
    early: float = EARLY,
) -> datetime | None:
    """When the background refreshes tokens issued then; None where nothing ends that a refresh could prolong.

    `sliding_ends` are other clocks that a refresh winds up (an unused refresh token's end): the earliest clock counts.
    A token that reaches `final_end_at`, which no refresh moves, is asked about once more at its very end: each earlier
    attempt would bring the same end again, and would be due again after ever shorter times. No refresh comes before the
    token is `min_age` old.
    """
    dates = [refresh_at(issued_at, end, jitter=jitter, early=early) for end in sliding_ends if end]
    if access_ends_at is not None:
        is_final = final_end_at is not None and access_ends_at >= final_end_at - SLACK
        dates.append(access_ends_at if is_final else refresh_at(issued_at, access_ends_at, jitter=jitter, early=early))
    return max(min(dates), issued_at + min_age) if dates else None


def gains_time(issued_at: datetime, had_until: datetime | None, has_until: datetime | None, *, now: datetime) -> bool:
    """Whether a new token, had now, lives longer than the one it replaces, which was issued then.

    A refresh gains about as much as the old token was old, even if nearly nothing. Providers that cut the last tokens
    to what is left of the consent, or give the same one again, gain nothing.
    """
    if had_until is None or has_until is None or had_until <= now:
        return True
    return has_until - had_until > (now - issued_at) * LEAST_GAIN


def exchange_again_at(now: datetime, access_ends_at: datetime) -> datetime | None:
    """When an exchange that brought no later end is tried again: half-way to the end, a day later at the soonest."""
    again_at = now + max(EXCHANGED_AGAIN_AFTER, (access_ends_at - now) / 2)
    return again_at if again_at < access_ends_at - REFRESH_FLOOR else None


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
    a caller who insists on the whole life would otherwise refresh for ever. A caller who says nothing gets tokens of
    very short lives with a quarter of it left: one-minute tokens would otherwise be refreshed at every call.
    """
    asked = max(timedelta(0), DEFAULT_MIN_TTL if min_ttl is None else min_ttl)
    if life is None:
        return asked
    return min(asked, max(timedelta(0), life) * (MOST_OF_LIFE_UNASKED if min_ttl is None else 1))


def is_young(issued_at: datetime, life: timedelta | None, *, now: datetime) -> bool:
    """Whether a token is so new that hardly another would live longer: a tenth of its life, five minutes at most."""
    return life is not None and now - issued_at < min(life * YOUNG_SHARE, YOUNG_LONGEST)


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
