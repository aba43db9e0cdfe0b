"""When admins are told how everything stands: once a week, when Monday's daytime begins by their own clocks."""

from datetime import date, datetime, timedelta

from portal.rules.reminders import ReminderPolicy, is_within_window
from portal.rules.zones import wall_clock

FARTHEST_AHEAD = timedelta(hours=14)  # the clocks of Kiritimati, and nobody is further ahead of UTC


def week_of(moment: datetime, time_zone: str) -> date:
    """The week that the zone's calendars show at that moment, by its Monday."""
    day = wall_clock(moment, time_zone).date()
    return day - timedelta(days=day.weekday())


def newest_week(now: datetime) -> date:
    """The latest week that has begun anywhere."""
    return week_of(now + FARTHEST_AHEAD, "UTC")


def week_due(policy: ReminderPolicy, *, last: date, now: datetime) -> date | None:
    """The week whose digest is to be sent now, when `last` was the one before; None outside the daytime.

    A Monday on which nothing ran is made up for on the next day that has a daytime, and a whole week is not.
    """
    week = week_of(now, policy.time_zone)
    return week if week > last and is_within_window(now, policy) else None
