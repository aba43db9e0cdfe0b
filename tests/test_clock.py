"""The one clock, and how a demo moves it for all its processes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal import clock

DAY = timedelta(days=1)
A_MOMENT = timedelta(seconds=5)


@pytest.fixture
def offset(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "not yet there" / "clock-offset"
    yield path
    clock.follow(None)


def ahead() -> timedelta:
    return clock.now() - datetime.now(UTC)


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().utcoffset() == timedelta(0)
    assert abs(ahead()) < A_MOMENT


def test_a_clock_that_follows_a_file_moves_with_it(offset: Path) -> None:
    clock.follow(offset)
    assert abs(ahead()) < A_MOMENT, "no file, no offset"
    assert clock.move(offset, 14 * DAY) == 14 * DAY
    assert abs(ahead() - 14 * DAY) < A_MOMENT
    assert clock.move(offset, timedelta(hours=3)) == 14 * DAY + timedelta(hours=3)
    assert abs(ahead() - 14 * DAY - timedelta(hours=3)) < A_MOMENT


def test_the_machines_own_time_is_never_moved(offset: Path) -> None:
    clock.move(offset, 14 * DAY)
    clock.follow(offset)
    assert abs(clock.machine_now() - datetime.now(UTC)) < A_MOMENT


def test_a_reset_brings_real_time_back(offset: Path) -> None:
    clock.follow(offset)
    clock.move(offset, 14 * DAY)
    clock.reset(offset)
    assert abs(ahead()) < A_MOMENT


def test_a_portal_that_follows_nothing_lives_in_real_time(offset: Path) -> None:
    clock.move(offset, 14 * DAY)
    clock.follow(None)
    assert abs(ahead()) < A_MOMENT


@pytest.mark.parametrize("content", ["", "tomorrow", "nan", "inf", "1e400", "\x00", "12 days"])
def test_nonsense_in_the_file_is_no_offset(content: str, offset: Path) -> None:
    offset.parent.mkdir()
    offset.write_text(content)
    clock.follow(offset)
    assert abs(ahead()) < A_MOMENT


@pytest.mark.parametrize("far", [timedelta.max, timedelta.min, timedelta(days=400_000)])
def test_a_clock_moved_too_far_stops_at_a_century(far: timedelta, offset: Path) -> None:
    clock.follow(offset)
    assert abs(clock.move(offset, far)) == clock.FARTHEST
    assert abs(clock.move(offset, far)) == clock.FARTHEST
    assert abs(abs(ahead()) - clock.FARTHEST) < A_MOMENT


def test_a_stored_offset_beyond_all_calendars_is_cut_to_a_century(offset: Path) -> None:
    offset.parent.mkdir()
    offset.write_text("8e13")
    clock.follow(offset)
    assert abs(ahead() - clock.FARTHEST) < A_MOMENT
