"""When an e-mail that was not taken is tried again, and when it is given up."""

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=1)  # greylisting servers want a first retry within minutes
LONGEST_WAIT = timedelta(hours=1)
PATIENCE = timedelta(days=3)  # a mail server may be down for a weekend (RFC 5321 section 4.5.4.1 asks for 4-5 days)
PATIENCE_WHILE_SOMEBODY_WAITS = timedelta(hours=2)  # a sign-in link nobody waits for any more would only end newer ones


def next_attempt_at(refusals: int, *, queued_at: datetime, somebody_waits: bool, now: datetime) -> datetime | None:
    """When to try again after the `refusals`-th refusal (1 is the first); None when it is to be given up.

    Waits double from a minute to an hour.
    """
    patience = PATIENCE_WHILE_SOMEBODY_WAITS if somebody_waits else PATIENCE
    if now - queued_at >= patience:
        return None
    doublings = min(refusals - 1, 10)  # beyond that the longest wait has long been reached
    return now + min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
