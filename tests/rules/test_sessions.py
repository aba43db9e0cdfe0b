from datetime import datetime, timedelta

import pytest
from hypothesis import given

from portal.rules.sessions import is_live, session_ends_at, should_touch
from tests.rules.strategies import NOON, SECOND, durations, moments


@pytest.mark.parametrize(
    ("elevated", "idle", "absolute"),
    [
        (False, timedelta(hours=12), timedelta(days=7)),
        (True, timedelta(hours=1), timedelta(hours=12)),
    ],
)
def test_a_session_ends_when_unused_or_old(elevated: bool, idle: timedelta, absolute: timedelta) -> None:
    assert session_ends_at(NOON, NOON, elevated=elevated) == NOON + idle
    busy_until = NOON + absolute - SECOND
    assert session_ends_at(NOON, busy_until, elevated=elevated) == NOON + absolute
    assert session_ends_at(NOON, NOON + absolute - idle, elevated=elevated) == NOON + absolute


@pytest.mark.parametrize("elevated", [False, True])
def test_a_session_is_live_until_its_last_second(elevated: bool) -> None:
    ends_at = session_ends_at(NOON, NOON, elevated=elevated)
    assert is_live(NOON, NOON, elevated=elevated, now=ends_at - SECOND)
    assert not is_live(NOON, NOON, elevated=elevated, now=ends_at)
    assert not is_live(NOON, NOON, elevated=elevated, now=ends_at + SECOND)


@given(moments, durations)
def test_power_never_lengthens_a_session(created_at: datetime, busy: timedelta) -> None:
    last_seen_at = created_at + busy
    assert session_ends_at(created_at, last_seen_at, elevated=True) < session_ends_at(
        created_at, last_seen_at, elevated=False
    )


@pytest.mark.parametrize(("ago", "should"), [(0, False), (299, False), (300, True), (301, True)])
def test_being_seen_is_written_every_five_minutes(ago: int, should: bool) -> None:
    assert should_touch(NOON - ago * SECOND, NOON) is should
