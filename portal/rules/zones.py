"""Wall clocks in IANA time zones, with the hours that a change of the clocks leaves out or repeats."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def is_known_zone(name: str) -> bool:
    """Whether the name is an IANA time zone; odd input (paths, folders, NUL) is simply unknown."""
    try:
        zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name; raises ZoneInfoNotFoundError or ValueError for an unknown one."""
    return ZoneInfo(name)


def moment_of(wall: datetime, time_zone: str) -> datetime:
    """The UTC moment at which the zone's clocks show the naive `wall` time.

    A time that occurs twice means its first occurrence; one that a change leaves out means as much later as the clocks
    jump (02:30 in a gap from 02:00 to 03:00 is 03:30). So later wall times never come before earlier ones a day apart.
    """
    return wall.replace(tzinfo=zone(time_zone), fold=0).astimezone(UTC)


def wall_clock(moment: datetime, time_zone: str) -> datetime:
    """The naive time that the zone's clocks show at that moment."""
    return moment.astimezone(zone(time_zone)).replace(tzinfo=None)


def days_before(moment: datetime, days: int, time_zone: str) -> datetime:
    """The same wall-clock time that many calendar days earlier; 0 days is the moment itself, even in repeated hours."""
    if days == 0:
        return moment
    return moment_of(wall_clock(moment, time_zone) - timedelta(days=days), time_zone)
