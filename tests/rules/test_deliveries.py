from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.deliveries import (
    FIRST_WAIT,
    LONGEST_WAIT,
    PATIENCE,
    PATIENCE_WHILE_SOMEBODY_WAITS,
    next_attempt_at,
    waited,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("refusals", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 60), (50, 60)])
def test_waits_double_from_a_minute_to_an_hour(refusals: int, minutes: int) -> None:
    again = next_attempt_at(refusals, queued_at=NOON, somebody_waits=False, now=NOON)
    assert again == NOON + minutes * MINUTE


@given(refusals=st.integers(1, 200))
def test_patience_is_used_up_by_the_waits(refusals: int) -> None:
    waits = [min(FIRST_WAIT * 2 ** min(number, 10), LONGEST_WAIT) for number in range(refusals - 1)]
    again = next_attempt_at(refusals, queued_at=NOON, somebody_waits=False, now=NOON)
    assert waited(refusals) == sum(waits, timedelta(0))
    assert (again is None) == (waited(refusals) >= PATIENCE)


def test_an_outage_uses_up_no_patience() -> None:
    back = NOON + 2 * PATIENCE
    assert next_attempt_at(1, queued_at=NOON, somebody_waits=False, now=back) == back + FIRST_WAIT


def test_where_somebody_waits_patience_ends_to_the_second() -> None:
    end = NOON + PATIENCE_WHILE_SOMEBODY_WAITS
    assert next_attempt_at(9, queued_at=NOON, somebody_waits=True, now=end - timedelta(seconds=1)) is not None
    assert next_attempt_at(1, queued_at=NOON, somebody_waits=True, now=end) is None


@given(refusals=st.integers(1, 10_000), somebody_waits=st.booleans())
def test_nobody_is_asked_more_often_than_once_a_minute(refusals: int, somebody_waits: bool) -> None:
    again = next_attempt_at(refusals, queued_at=NOON, somebody_waits=somebody_waits, now=NOON)
    assert again is None or FIRST_WAIT <= again - NOON <= LONGEST_WAIT
