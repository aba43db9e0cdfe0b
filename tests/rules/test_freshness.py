from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.freshness import (
    DEFAULT_MIN_TTL,
    HTTP_DEADLINE,
    LEASE,
    backoff,
    exchange_again_at,
    gains_time,
    granted_min_ttl,
    is_fresh,
    is_young,
    jitter_of,
    lease_lengths,
    next_refresh_at,
    refresh_at,
)
from tests.rules.strategies import NOON, SECOND, durations, moments

jitters = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("life_s", "jitter", "after_s"),
    [
        (3600, 0.0, 2700),
        (3600, 0.5, 2790),
        (86_400, 0.0, 64_800),
        (86_400, 0.5, 66_960),
        # never later than 300 s before the end
        (1200, 0.0, 900),
        (1200, 0.5, 900),
        (1199, 0.0, 899),
        (600, 0.0, 300),
        (601, 0.0, 301),
        # a short life is used by half rather than not at all
        (599, 0.0, 299.5),
        (60, 0.9, 30),
        (0, 0.5, 0),
        (-60, 0.0, -45),
    ],
)
def test_a_token_is_refreshed_at_three_quarters_of_its_life(life_s: float, jitter: float, after_s: float) -> None:
    assert refresh_at(NOON, NOON + life_s * SECOND, jitter=jitter) == NOON + after_s * SECOND


def test_a_provider_may_ask_for_another_share_of_the_life() -> None:
    assert refresh_at(NOON, NOON + 10_000 * SECOND, jitter=0, early=0.5) == NOON + 5000 * SECOND


@given(moments, st.integers(1, 400 * 86_400), jitters)
def test_a_refresh_comes_in_time_and_not_at_once(issued_at: datetime, life_s: int, jitter: float) -> None:
    ends_at = issued_at + life_s * SECOND
    at = refresh_at(issued_at, ends_at, jitter=jitter)
    assert ends_at - at >= min(300 * SECOND, life_s * SECOND / 2)
    assert at - issued_at >= life_s * SECOND / 2 - timedelta(microseconds=1)
    assert at - issued_at <= life_s * SECOND * 0.8


@pytest.mark.parametrize(
    ("age_s", "gained_s", "gains"),
    [
        (2700, 2700, True),
        (45, 45, True),  # one-minute tokens
        (60, 60, True),  # forced a minute after it was given
        (2700, 0, False),
        (2700, 3, False),  # the same end, rounded otherwise
        (2700, -900, False),
        (4_000_000, 5, False),
        (5400, 1800, True),  # the provider has made lives shorter
    ],
)
def test_a_refresh_gains_time_unless_the_provider_cuts_its_tokens_short(age_s: int, gained_s: int, gains: bool) -> None:
    had_until = NOON + 5_000_000 * SECOND
    has_until, now = had_until + gained_s * SECOND, NOON + age_s * SECOND
    assert gains_time(NOON, had_until, has_until, now=now) is gains


def test_a_token_without_an_end_and_one_after_the_end_always_gain() -> None:
    assert gains_time(NOON, None, NOON, now=NOON)
    assert gains_time(NOON, NOON, None, now=NOON)
    assert gains_time(NOON, NOON + SECOND, NOON + 2 * SECOND, now=NOON + SECOND)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("others", "due_h"),
    [
        ({}, 75),
        ({"sliding_ends": (None, NOON + 40 * HOUR)}, 30),
        ({"sliding_ends": (NOON + 400 * HOUR,)}, 75),
        ({"final_end_at": NOON + 100 * HOUR}, 100),  # nothing is gained before
        ({"final_end_at": NOON + 101 * HOUR}, 75),
        ({"min_age": 80 * HOUR}, 80),
        ({"access_ends_at": None}, None),
        ({"access_ends_at": None, "sliding_ends": (NOON + 40 * HOUR,)}, 30),
    ],
)
def test_the_next_refresh_keeps_ahead_of_every_clock_it_can_wind_up(others: dict[str, Any], due_h: int | None) -> None:
    due_at = next_refresh_at(NOON, **({"access_ends_at": NOON + 100 * HOUR, "jitter": 0} | others))
    assert due_at == (None if due_h is None else NOON + due_h * HOUR)


@pytest.mark.parametrize(("left_h", "again_h"), [(480, 240), (60, 30), (40, 24), (25, 24), (24, None), (1, None)])
def test_an_exchange_in_vain_is_tried_again_half_way_and_at_most_daily(left_h: int, again_h: int | None) -> None:
    again_at = exchange_again_at(NOON, NOON + left_h * HOUR)
    assert again_at == (None if again_h is None else NOON + again_h * HOUR)


def test_a_connections_jitter_is_its_own_and_stays() -> None:
    connection_id = UUID("01993e5e-6c1a-7b1e-8a55-2f1a3c4d5e6f")
    assert jitter_of(connection_id) == jitter_of(str(connection_id)) == 0.5022391263975061


def test_jitters_of_many_connections_spread_evenly() -> None:
    tenths = [int(jitter_of(uuid4()) * 10) for _ in range(5000)]
    assert all(400 < tenths.count(tenth) < 600 for tenth in range(10))


@given(st.text())
def test_a_jitter_is_at_least_zero_and_less_than_one(connection_id: str) -> None:
    assert 0 <= jitter_of(connection_id.encode("utf-8", "replace").decode()) < 1


@pytest.mark.parametrize(
    ("left_s", "min_ttl_s", "fresh"),
    [
        (61, 60, True),
        (60, 60, True),
        (59, 60, False),
        (1, 0, True),
        (0, 0, False),
        (-1, 0, False),
        (-1, -5, False),
    ],
)
def test_a_token_is_fresh_while_it_lives_long_enough(left_s: int, min_ttl_s: int, fresh: bool) -> None:
    assert is_fresh(NOON + left_s * SECOND, now=NOON, min_ttl=min_ttl_s * SECOND) is fresh


def test_a_token_without_an_end_is_fresh() -> None:
    assert is_fresh(None, now=NOON, min_ttl=timedelta(days=400))


@pytest.mark.parametrize(
    ("asked_s", "life_s", "granted_s"),
    [
        (None, 3600, 60),
        (None, 240, 60),
        (None, 60, 15),  # a quarter: one-minute tokens are not refreshed at every call
        (None, None, 60),
        (0, 3600, 0),
        (-5, 3600, 0),
        (3599, 3600, 3599),
        (3600, 3600, 3600),
        (3601, 3600, 3600),
        (60, 60, 60),
        (3601, None, 3601),
        (60, 0, 0),
        (60, -10, 0),
    ],
)
def test_a_caller_may_insist_on_no_more_than_the_tokens_life(
    asked_s: int | None, life_s: int | None, granted_s: int
) -> None:
    asked = None if asked_s is None else asked_s * SECOND
    life = None if life_s is None else life_s * SECOND
    assert granted_min_ttl(asked, life=life) == granted_s * SECOND
    assert DEFAULT_MIN_TTL == 60 * SECOND


@pytest.mark.parametrize(
    ("age_s", "life_s", "young"),
    [
        (299, 3600, True),
        (300, 3600, False),
        (299, 86_400 * 60, True),
        (300, 86_400 * 60, False),
        (5, 60, True),
        (6, 60, False),
        (0, 0, False),
        (0, -10, False),
        (0, None, False),
    ],
)
def test_a_token_is_young_for_a_tenth_of_its_life_and_five_minutes_at_most(
    age_s: int, life_s: int | None, young: bool
) -> None:
    life = None if life_s is None else life_s * SECOND
    assert is_young(NOON, life, now=NOON + age_s * SECOND) is young


@pytest.mark.parametrize(
    ("failures", "shortest_s"),
    [
        (-1, 30), (0, 30), (1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 960), (7, 1800), (8, 1800), (99, 1800),
        (10**9, 1800),
    ],
)  # fmt: skip
def test_failures_wait_twice_as_long_each_time_up_to_an_hour(failures: int, shortest_s: int) -> None:
    assert backoff(failures, jitter=0, retry_after=None) == shortest_s * SECOND
    assert backoff(failures, jitter=0.5, retry_after=None) == shortest_s * SECOND * 1.5


@given(st.integers(1, 10_000), jitters, st.none() | durations)
def test_a_wait_lies_between_its_bounds_and_obeys_the_provider(
    failures: int, jitter: float, retry_after: timedelta | None
) -> None:
    own = backoff(failures, jitter=jitter, retry_after=None)
    assert 30 * SECOND <= own <= timedelta(hours=1)
    wait = backoff(failures, jitter=jitter, retry_after=retry_after)
    assert wait >= max(own, min(retry_after or own, timedelta(days=1)))
    assert wait <= max(own, (retry_after or own) + 30 * SECOND)
    assert wait <= timedelta(days=1, seconds=30)


@pytest.mark.parametrize(
    ("retry_after_s", "jitter", "wait_s"),
    [
        (-5, 0.0, 30),
        (0, 0.5, 45),
        (20, 0.0, 30),
        (120, 0.0, 120),
        (120, 0.5, 135),
        (86_400, 0.0, 86_400),
        (86_401, 0.0, 86_400),
        (10**9, 0.0, 86_400),
    ],
)
def test_a_providers_retry_after_is_obeyed_up_to_a_day(retry_after_s: int, jitter: float, wait_s: int) -> None:
    assert backoff(1, jitter=jitter, retry_after=retry_after_s * SECOND) == wait_s * SECOND


@pytest.mark.parametrize("grace", [None, timedelta(0)])
def test_without_a_grace_a_lease_outlasts_its_call(grace: timedelta | None) -> None:
    assert lease_lengths(grace) == (HTTP_DEADLINE, LEASE) == (10 * SECOND, 20 * SECOND)


@pytest.mark.parametrize(
    ("grace_s", "deadline_s", "lease_s"), [(6, 2, 3), (29.4, 9.8, 14.7), (30, 10, 15), (40, 10, 20), (600, 10, 20)]
)
def test_half_of_a_grace_is_left_to_recover(grace_s: float, deadline_s: float, lease_s: float) -> None:
    assert lease_lengths(grace_s * SECOND) == (deadline_s * SECOND, lease_s * SECOND)


@given(st.timedeltas(timedelta(milliseconds=1), timedelta(days=2)))
def test_a_call_ends_before_its_lease_and_a_lease_before_the_grace(grace: timedelta) -> None:
    assert all(earlier < later for earlier, later in pairwise((timedelta(0), *lease_lengths(grace), grace)))
