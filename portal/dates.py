"""Moments in words, on the calendar of the organization's zone.

Written by hand rather than through a locale library: pages are English, and a table shows hundreds of them.
"""

from datetime import date, datetime
from functools import lru_cache

from markupsafe import Markup

from portal.rules.zones import wall_clock

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def date_long(moment: datetime, zone: str) -> str:
    """The day on the zone's calendar: `2 December 2026`."""
    day = wall_clock(moment, zone)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def date_short(moment: datetime, zone: str) -> str:
    """The day on the zone's calendar, short for tables: `2 Dec 2026`."""
    return _short(wall_clock(moment, zone))


def _short(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def day_short(day: date) -> str:
    """A day of the calendar where the year is plain: `2 Dec`."""
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def datetime_long(moment: datetime, zone: str) -> str:
    """Day, time and the zone they are told in: `2 December 2026, 14:05 (Europe/Berlin)`."""
    return f"{date_long(moment, zone)}, {wall_clock(moment, zone):%H:%M} ({zone})"


def days_phrase(moment: datetime, zone: str, now: datetime) -> str:
    """How far away a moment is in calendar days of the zone, as people count them: `in 12 days`, `tomorrow`."""
    return _far(wall_clock(moment, zone).date(), _day_of(now, zone))


def _far(day: date, today: date) -> str:
    days = (day - today).days
    if abs(days) <= 1:
        return ("yesterday", "today", "tomorrow")[days + 1]
    return f"in {days:,} days" if days > 0 else f"{-days:,} days ago"


@lru_cache(maxsize=64)
def _day_of(now: datetime, zone: str) -> date:
    """A page asks it of the same moment fifty times."""
    return wall_clock(now, zone).date()


def days_and_date(moment: datetime, zone: str, now: datetime) -> Markup:
    """A moment on two lines for tables, which show fifty: `in 12 days`, and below it `2 Dec 2026`."""
    day, exactly = wall_clock(moment, zone).date(), moment.isoformat(timespec="seconds")
    words = _far(day, _day_of(now, zone))
    return Markup(  # noqa: S704 - numbers and words of ours alone
        f'<time class="two-lines" datetime="{exactly}"><strong>{words}</strong> <small>{_short(day)}</small></time>'
    )


def last_and_next(last: datetime | None, following: datetime | None, zone: str) -> Markup:
    """When the last reminder left and the next will, on two lines for tables."""
    above = f"<span>Last {date_short(last, zone)}</span> " if last else ""
    below = f"Next {date_short(following, zone)}" if following else "" if last else "None"
    return Markup(f'<span class="two-lines">{above}<small>{below}</small></span>')  # noqa: S704 - words of ours alone
