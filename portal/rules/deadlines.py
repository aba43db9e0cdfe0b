"""When admins are told that something of the app's own ends: its client secret, a version of the provider's API."""

from datetime import date

STEPS = (60, 30, 7, 0)  # days before; 0: the day itself has come
STALE_AFTER = 30  # days after it: who has not been told by then has found out, or it concerns nobody here


def step_due(on: date, *, today: date) -> int | None:
    """The newest step reached, those missed before it being skipped; None too early, and long after the day."""
    left = (on - today).days
    if left < -STALE_AFTER:
        return None
    return min((step for step in STEPS if left <= step), default=None)


def is_near(on: date, *, today: date) -> bool:
    """Whether an operator who looks should be told: from the first step on, and for ever afterwards."""
    return (on - today).days <= max(STEPS)


def is_past(on: date, *, today: date) -> bool:
    """Whether the day is over; on the day itself nothing can be relied on, but much may still work."""
    return on < today


def in_words(on: date, *, today: date) -> str:
    """When that is: "in 12 days (2 December 2026)", "today (...)", "12 days ago (...)"."""
    left = (on - today).days
    days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
    when = f"in {days}" if left > 0 else f"{days} ago" if left < 0 else "today"
    return f"{when} ({on.day} {on:%B %Y})"
