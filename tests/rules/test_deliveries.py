from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.deliveries import FIRST_WAIT, LONGEST_WAIT, PATIENCE, PATIENCE_WHILE_SOMEBODY_WAITS, next_attempt_at

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("refusals", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (50, 60)])
def test_waits_double_from_a_minute_to_an_hour(refusals: int, minutes: int) -> None:
    again = next_attempt_at(refusals, queued_at=NOON, somebody_waits=False, now=NOON)
    assert again == NOON + minutes * MINUTE


@pytest.mark.parametrize(("somebody_waits", "patience"), [(False, PATIENCE), (True, PATIENCE_WHILE_SOMEBODY_WAITS)])
def test_patience_ends_to_the_second(somebody_waits: bool, patience: timedelta) -> None:
    last = NOON + patience - timedelta(seconds=1)
    assert next_attempt_at(9, queued_at=NOON, somebody_waits=somebody_waits, now=last) is not None
    assert next_attempt_at(9, queued_at=NOON, somebody_waits=somebody_waits, now=NOON + patience) is None


@given(refusals=st.integers(1, 10_000), waited=st.timedeltas(timedelta(0), PATIENCE - MINUTE))
def test_nobody_is_asked_more_often_than_once_a_minute(refusals: int, waited: timedelta) -> None:
    now = NOON + waited
    again = next_attempt_at(refusals, queued_at=NOON, somebody_waits=False, now=now)
    assert again is not None
    assert FIRST_WAIT <= again - now <= LONGEST_WAIT
