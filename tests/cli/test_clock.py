from datetime import datetime, timedelta

import pytest

from portal import clock
from tests.cli.conftest import Run


def told(line: str) -> datetime:
    return datetime.fromisoformat(line)


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("+14d", timedelta(days=14)),
        ("+3h", timedelta(hours=3)),
        ("+90m", timedelta(minutes=90)),
        ("+45s", timedelta(seconds=45)),
        ("+1d12h", timedelta(days=1, hours=12)),
    ],
)
def test_the_clock_moves_by_that_much_and_the_new_time_is_printed(run: Run, change: str, by: timedelta) -> None:
    moved = run("clock", change)
    assert moved.code == 0
    assert abs(told(moved.lines[-1]) - clock.machine_now() - by) < timedelta(seconds=30)
    assert moved.lines[-1].endswith("Z")


def test_moves_add_up_and_reset_brings_back_real_time(run: Run) -> None:
    run("clock", "+2d")
    again = run("clock", "+3d")
    assert abs(told(again.lines[-1]) - clock.machine_now() - timedelta(days=5)) < timedelta(seconds=30)
    assert abs(told(run("clock", "reset").lines[-1]) - clock.machine_now()) < timedelta(seconds=30)


def test_without_a_change_it_only_tells_the_time(run: Run) -> None:
    run("clock", "+2d")
    for _ in range(2):
        ahead = told(run("clock").lines[-1]) - clock.machine_now()
        assert abs(ahead - timedelta(days=2)) < timedelta(seconds=30)


@pytest.mark.parametrize("nonsense", ["14d", "+14", "+d", "tomorrow", "+1w", "++1d", "+1d-2h"])
def test_nonsense_is_wrong_use_and_moves_nothing(run: Run, nonsense: str) -> None:
    refused = run("clock", nonsense)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert abs(told(run("clock").lines[-1]) - clock.machine_now()) < timedelta(seconds=30)


def test_a_distance_may_be_counted_in_seconds(run: Run) -> None:
    run("clock", "+1123254s")
    assert abs(told(run("clock").lines[-1]) - clock.machine_now() - timedelta(seconds=1123254)) < timedelta(seconds=30)


def test_the_clock_cannot_leave_the_calendar(run: Run) -> None:
    assert run("clock", "+3000d").code == 0
    for farther in ("+3000d", "+9999999d", "+999999999d999999999d"):
        refused = run("clock", farther)
        assert (refused.code, len(refused.err.splitlines())) == (1, 1)


def test_a_real_portals_clock_cannot_be_moved(run: Run) -> None:
    refused = run("clock", "+1d", PORTAL_ENV="development")
    assert refused.code == 1
    assert "demo" in refused.err
