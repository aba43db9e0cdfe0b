from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.zones import days_before, is_known_zone, moment_of, wall_clock
from tests.rules.strategies import moments, zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"])
def test_iana_zones_are_known(name: str) -> None:
    assert is_known_zone(name)


@pytest.mark.parametrize(
    "name",
    ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "Europe/Berlin\x00", "Europe//Berlin", "."],
)
def test_odd_names_are_simply_unknown(name: str) -> None:
    assert is_known_zone(name) is False


@pytest.mark.parametrize(
    ("wall", "zone", "moment"),
    [
        # an ordinary day
        ("2026-06-01 10:00", "Europe/Berlin", "2026-06-01 08:00"),
        # clocks jump from 02:00 to 03:00
        ("2026-03-29 01:59", "Europe/Berlin", "2026-03-29 00:59"),
        ("2026-03-29 02:30", "Europe/Berlin", "2026-03-29 01:30"),
        ("2026-03-29 03:00", "Europe/Berlin", "2026-03-29 01:00"),
        # clocks fall from 03:00 to 02:00: the first 02:30
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 00:30"),
        ("2026-10-25 03:00", "Europe/Berlin", "2026-10-25 02:00"),
        # half an hour
        ("2026-10-04 02:15", "Australia/Lord_Howe", "2026-10-03 15:45"),
        # a whole day left out
        ("2011-12-30 12:00", "Pacific/Apia", "2011-12-30 22:00"),
    ],
)
def test_wall_clocks_are_read_also_where_they_jump(wall: str, zone: str, moment: str) -> None:
    assert moment_of(datetime.fromisoformat(wall), zone) == datetime.fromisoformat(moment).replace(tzinfo=UTC)


def test_a_moment_in_the_second_of_two_like_hours_stays_itself_at_step_zero() -> None:
    second_half_past_two = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert days_before(second_half_past_two, 0, "Europe/Berlin") == second_half_past_two
    assert days_before(second_half_past_two, 1, "Europe/Berlin") == datetime(2026, 10, 24, 0, 30, tzinfo=UTC)


@given(moments, zones)
def test_a_moment_is_read_back_unless_its_hour_is_repeated(moment: datetime, zone: str) -> None:
    again = moment_of(wall_clock(moment, zone), zone)
    assert again.utcoffset() == timedelta(0)
    assert again == moment or (again < moment and wall_clock(again, zone) == wall_clock(moment, zone))


@given(moments, zones, st.integers(0, 100), st.integers(0, 100))
def test_more_days_before_is_never_later(moment: datetime, zone: str, days: int, more: int) -> None:
    assert days_before(moment, days + more, zone) <= days_before(moment, days, zone) <= moment
