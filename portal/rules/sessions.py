"""How long a browser session lives; elevated roles are signed out sooner."""

from datetime import datetime, timedelta

IDLE_MEMBER = timedelta(hours=12)
ABSOLUTE_MEMBER = timedelta(days=7)
IDLE_ELEVATED = timedelta(hours=1)
ABSOLUTE_ELEVATED = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=5)


def idle_length(*, elevated: bool) -> timedelta:
    """How long a session may stay unused."""
    return IDLE_ELEVATED if elevated else IDLE_MEMBER


def absolute_length(*, elevated: bool) -> timedelta:
    """How long a session may last however busy it is."""
    return ABSOLUTE_ELEVATED if elevated else ABSOLUTE_MEMBER


def session_ends_at(created_at: datetime, last_seen_at: datetime, *, elevated: bool) -> datetime:
    """The earlier of the idle and the absolute end; ask with the role of now, so that a promotion shortens at once."""
    return min(created_at + absolute_length(elevated=elevated), last_seen_at + idle_length(elevated=elevated))


def is_live(created_at: datetime, last_seen_at: datetime, *, elevated: bool, now: datetime) -> bool:
    """Whether the session still signs in; at its end to the second it no longer does."""
    return now < session_ends_at(created_at, last_seen_at, elevated=elevated)


def should_touch(last_seen_at: datetime, now: datetime) -> bool:
    """Whether this request writes `last_seen_at`: at most once in five minutes, so that reading pages stays reading."""
    return now - last_seen_at >= TOUCH_EVERY
