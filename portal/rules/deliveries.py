"""When an e-mail that was not taken is tried again, and when it is given up."""

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=1)  # greylisting servers want a first retry within minutes
LONGEST_WAIT = timedelta(hours=1)
DOUBLINGS = 6  # then the longest wait is reached
PATIENCE = timedelta(days=3)  # a mail server may be down for a weekend (RFC 5321 section 4.5.4.1 asks for 4-5 days)
PATIENCE_WHILE_SOMEBODY_WAITS = timedelta(hours=2)  # a sign-in link nobody waits for any more would only end newer ones


def next_attempt_at(refusals: int, *, queued_at: datetime, somebody_waits: bool, now: datetime) -> datetime | None:
    """When to try again after the `refusals`-th refusal (1 is the first); None when it is to be given up.

    Waits double from a minute to an hour. Patience is used up by waits after refusals: while no server could be asked
    none was given, and what is refused for the first time after an outage has all of it. Only where somebody waits it
    ends by the clock.
    """
    has_ended = now - queued_at >= PATIENCE_WHILE_SOMEBODY_WAITS if somebody_waits else waited(refusals) >= PATIENCE
    return None if has_ended else now + _wait(refusals)


def waited(refusals: int) -> timedelta:
    """The waits before the `refusals`-th refusal, together."""
    doubling = min(refusals, DOUBLINGS + 1)
    return FIRST_WAIT * ((1 << doubling - 1) - 1) + LONGEST_WAIT * (refusals - doubling)


def _wait(refusals: int) -> timedelta:
    return min(FIRST_WAIT * (1 << min(refusals - 1, DOUBLINGS)), LONGEST_WAIT)
