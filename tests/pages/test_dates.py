from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import dates, filters
from portal.rules.reminders import days_left

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/St_Johns", "Asia/Kathmandu"])
MOMENTS = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda apart: NOON + apart)


@pytest.mark.parametrize(
    ("moment", "zone", "words"),
    [
        (datetime(2026, 12, 2, 12, tzinfo=UTC), "UTC", "2 December 2026"),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "Europe/Berlin", "1 January 2027"),
        (datetime(2026, 3, 1, 2, tzinfo=UTC), "America/New_York", "28 February 2026"),
    ],
)
def test_a_date_is_the_day_on_the_organizations_calendar(moment: datetime, zone: str, words: str) -> None:
    assert dates.date_long(moment, zone) == words


def test_a_short_date_keeps_the_year() -> None:
    assert dates.date_short(datetime(2027, 9, 5, tzinfo=UTC), "UTC") == "5 Sep 2027"


def test_the_picture_names_its_weeks_by_day_and_month() -> None:
    assert dates.day_short(date(2027, 9, 5)) == "5 Sep"


def test_a_full_time_names_its_zone() -> None:
    words = dates.datetime_long(datetime(2026, 7, 1, 12, 5, tzinfo=UTC), "Europe/Berlin")
    assert words == "1 July 2026, 14:05 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("days", "words"),
    [(0, "today"), (1, "tomorrow"), (2, "in 2 days"), (1200, "in 1,200 days"), (-1, "yesterday"), (-3, "3 days ago")],
)
def test_days_are_told_as_people_count_them(days: int, words: str) -> None:
    assert dates.days_phrase(NOON + timedelta(days=days), "UTC", NOON) == words


def test_a_few_minutes_over_midnight_are_tomorrow() -> None:
    late = datetime(2026, 11, 20, 22, 50, tzinfo=UTC)  # 23:50 in Berlin
    assert dates.days_phrase(late + timedelta(minutes=15), "Europe/Berlin", late) == "tomorrow"


@given(moment=MOMENTS, ahead=st.timedeltas(timedelta(0), timedelta(days=400)), zone=ZONES)
def test_pages_and_e_mails_count_the_same_days(moment: datetime, ahead: timedelta, zone: str) -> None:
    days = days_left(moment + ahead, now=moment, time_zone=zone)
    words = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    assert dates.days_phrase(moment + ahead, zone, moment) == words


@given(st.text(max_size=60))
def test_a_provider_always_has_the_same_colour(provider_id: str) -> None:
    assert filters.hue(provider_id) == filters.hue(provider_id) in range(filters.HUES)


@pytest.mark.parametrize(
    ("last", "following", "words"),
    [
        (None, None, "None"),
        (None, NOON, "Next 20 Nov 2026"),
        (NOON, None, "Last 20 Nov 2026"),
        (NOON, NOON + timedelta(days=2), "Last 20 Nov 2026 Next 22 Nov 2026"),
    ],
)
def test_reminders_are_told_by_the_last_and_the_next(
    last: datetime | None, following: datetime | None, words: str
) -> None:
    assert dates.last_and_next(last, following, "UTC").striptags() == words
