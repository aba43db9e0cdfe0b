"""What templates need beside Jinja's own: dates in the organization's zone, provider colours, addresses of our files.

Dates are written by hand rather than through a locale library: pages are English, and a table shows hundreds of them.
"""

from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from flask import Flask, request
from markupsafe import Markup

from portal import access
from portal.rules.zones import wall_clock

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
HUES = 8  # as many as parts.css has colours for provider tiles


def date_long(moment: datetime, zone: str) -> str:
    """The day on the zone's calendar: `2 December 2026`."""
    day = wall_clock(moment, zone)
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def date_short(moment: datetime, zone: str) -> str:
    """The day on the zone's calendar, short for tables: `2 Dec 2026`."""
    day = wall_clock(moment, zone)
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"


def day_short(day: date) -> str:
    """A day of the calendar where the year is plain: `2 Dec`."""
    return f"{day.day} {MONTHS[day.month - 1][:3]}"


def datetime_long(moment: datetime, zone: str) -> str:
    """Day, time and the zone they are told in: `2 December 2026, 14:05 (Europe/Berlin)`."""
    return f"{date_long(moment, zone)}, {wall_clock(moment, zone):%H:%M} ({zone})"


def days_phrase(moment: datetime, zone: str, now: datetime) -> str:
    """How far away a moment is in calendar days of the zone, as people count them: `in 12 days`, `tomorrow`."""
    days = (wall_clock(moment, zone).date() - _day_of(now, zone)).days
    if abs(days) <= 1:
        return ("yesterday", "today", "tomorrow")[days + 1]
    return f"in {days:,} days" if days > 0 else f"{-days:,} days ago"


@lru_cache(maxsize=64)
def _day_of(now: datetime, zone: str) -> date:
    """A page asks it of the same moment fifty times."""
    return wall_clock(now, zone).date()


def days_and_date(moment: datetime, zone: str, now: datetime) -> Markup:
    """A moment on two lines for tables, which show fifty: `in 12 days`, and below it `2 Dec 2026`."""
    words, date = days_phrase(moment, zone, now), date_short(moment, zone)
    exactly = moment.isoformat(timespec="seconds")
    return Markup(  # noqa: S704 - numbers and words of ours alone
        f'<time class="two-lines" datetime="{exactly}"><strong>{words}</strong> <small>{date}</small></time>'
    )


def hue(provider_id: str) -> int:
    """Which of the tile colours a provider has: always the same one."""
    return crc32(provider_id.encode()) % HUES


def asset_versions(folder: Path) -> dict[str, str]:
    """Each file of ours with a version made of its content, so that browsers may keep it until it changes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()[:10] for path in files}


def register(app: Flask) -> None:
    """Make the functions above known as filters (`days_phrase` with the request's now), and `asset(name)`."""
    for pure in (date_long, date_short, datetime_long, day_short, hue):
        app.add_template_filter(pure)
    app.add_template_filter(_days_from_now, "days_phrase")
    app.add_template_filter(_days_from_now_and_date, "days_and_date")
    versions = asset_versions(Path(app.static_folder or ""))
    addresses = {name: f"{app.static_url_path}/{name}?v={version}" for name, version in versions.items()}

    def asset(name: str) -> str:
        return request.script_root + addresses[name]

    app.add_template_global(asset)


def _days_from_now_and_date(moment: datetime, zone: str, now: datetime | None = None) -> Markup:
    return days_and_date(moment, zone, now or access.now())


def _days_from_now(moment: datetime, zone: str) -> str:
    return days_phrase(moment, zone, access.now())
