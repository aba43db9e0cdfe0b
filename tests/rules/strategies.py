"""Values that the properties of the rules are tried on."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import available_timezones

from hypothesis import strategies as st

from portal.rules.reminders import ReminderPolicy

SECOND = timedelta(seconds=1)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)

# Both halves of the world, half and quarter hours, changes at midnight, by half an hour, by two hours, and none at all.
TELLING_ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu",
    "Africa/Cairo", "Africa/Casablanca", "Antarctica/Troll", "Atlantic/Azores", "Pacific/Kiritimati", "Pacific/Easter",
    "Asia/Beirut", "Pacific/Chatham", "America/St_Johns", "Asia/Kolkata",
)  # fmt: skip

moments = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - bounds are given without a zone
    datetime(2037, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from(TELLING_ZONES) | st.sampled_from(sorted(available_timezones()))
durations = st.timedeltas(timedelta(0), timedelta(days=400))


@st.composite
def windows(draw: st.DrawFn) -> tuple[time, time]:
    """An opening and a later closing, to the minute."""
    opens, closes = sorted(draw(st.lists(st.integers(0, 24 * 60 - 1), min_size=2, max_size=2, unique=True)))
    return time(opens // 60, opens % 60), time(closes // 60, closes % 60)


@st.composite
def policies(draw: st.DrawFn) -> ReminderPolicy:
    """Any valid policy of an organization."""
    lead_days = draw(st.integers(1, 90))
    rhythm_days = draw(st.integers(1, lead_days))
    return ReminderPolicy(lead_days, rhythm_days, *draw(windows()), time_zone=draw(zones))


@st.composite
def around_changes_of_clocks(draw: st.DrawFn) -> datetime:
    """A moment whose last 14 days are likely to hold a change of the clocks, or 29 February."""
    year = draw(st.integers(2024, 2036))
    month = draw(st.sampled_from((2, 3, 4, 10, 11)))
    start = datetime(year, month, 1, tzinfo=UTC)
    return start + timedelta(minutes=draw(st.integers(0, 45 * 24 * 60)))
