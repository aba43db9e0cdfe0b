from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import api_keys
from portal.rules.api_keys import Ending, KeyState, LatelyUsed
from portal.rules.problems import InvalidRequest
from tests.rules.strategies import NOON

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("revoked_at", "expires_at", "state"),
    [
        (None, None, KeyState.WORKS),
        (None, NOON + 15 * DAY, KeyState.WORKS),
        (None, NOON + 14 * DAY, KeyState.ENDS_SOON),
        (None, NOON + SECOND, KeyState.ENDS_SOON),
        (None, NOON, KeyState.ENDED),
        (NOON - DAY, None, KeyState.REVOKED),
        (NOON - DAY, NOON - 2 * DAY, KeyState.REVOKED),
    ],
)
def test_a_key_stands_by_its_end_and_its_revocation(
    revoked_at: datetime | None, expires_at: datetime | None, state: KeyState
) -> None:
    assert api_keys.state_of(revoked_at=revoked_at, expires_at=expires_at, now=NOON) is state


def test_a_chosen_day_counts_whole_where_the_organization_is() -> None:
    ending = Ending(on=date(2027, 3, 28))  # the clocks change on it
    berlin = api_keys.expires_at(ending, "Europe/Berlin", now=NOON)
    assert berlin == datetime(2027, 3, 28, 22, tzinfo=UTC)
    assert api_keys.expires_at(ending, "Asia/Tokyo", now=NOON) == datetime(2027, 3, 28, 15, tzinfo=UTC)


@pytest.mark.parametrize("days", api_keys.LIFETIMES_DAYS)
def test_a_chosen_life_is_counted_from_now(days: int) -> None:
    assert api_keys.expires_at(Ending(days), "UTC", now=NOON) == NOON + days * DAY
    assert api_keys.expires_at(Ending(), "UTC", now=NOON) is None


@pytest.mark.parametrize("day", [NOON.date() - DAY, date(2200, 1, 1), date.max])
def test_a_day_that_is_past_or_beyond_reason_is_refused(day: date) -> None:
    with pytest.raises(InvalidRequest) as raised:
        api_keys.expires_at(Ending(on=day), "UTC", now=NOON)
    assert set(raised.value.errors) == {"ends_on"}


def test_a_key_for_today_alone_works_until_midnight() -> None:
    assert api_keys.expires_at(Ending(on=NOON.date()), "UTC", now=NOON) == NOON + timedelta(hours=12)


@pytest.mark.parametrize(
    ("lived", "proposed"),
    [(None, Ending()), (90 * DAY, Ending(90)), (365 * DAY + SECOND, Ending(365)), (50 * DAY, Ending(90))],
)
def test_a_successor_is_proposed_to_live_as_long(lived: timedelta | None, proposed: Ending) -> None:
    assert api_keys.ending_like(NOON, None if lived is None else NOON + lived) == proposed


@pytest.mark.parametrize(
    ("expires_at", "overlap", "ends_at"),
    [(None, 7, NOON + 7 * DAY), (None, 0, NOON), (NOON + DAY, 7, NOON + DAY), (NOON - DAY, 1, NOON - DAY)],
)
def test_a_replaced_key_never_outlives_its_own_end(
    expires_at: datetime | None, overlap: int, ends_at: datetime
) -> None:
    assert api_keys.end_of_replaced(expires_at, overlap, now=NOON) == ends_at


@given(st.none() | st.frozensets(st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True), min_size=1))
def test_a_limit_comes_back_as_it_was_kept(limit: frozenset[str] | None) -> None:
    assert api_keys.providers_of(api_keys.providers_text(limit)) == limit


@given(st.integers(min_value=0, max_value=100 * 366 * 24 * 3600))
def test_a_week_goes_from_monday_to_sunday(seconds: int) -> None:
    moment = datetime(2000, 1, 3, tzinfo=UTC) + timedelta(seconds=seconds)
    monday = (moment - timedelta(days=moment.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    assert api_keys.week_of(moment) == api_keys.week_of(monday)
    assert api_keys.week_of(monday - timedelta(microseconds=1)) == api_keys.week_of(monday) - 1


@pytest.mark.parametrize(
    ("weeks_ago", "lately"),
    [(0, LatelyUsed(5, 3)), (1, LatelyUsed(0, 5)), (2, LatelyUsed()), (50, LatelyUsed())],
)
def test_counts_of_past_weeks_fade(weeks_ago: int, lately: LatelyUsed) -> None:
    week = api_keys.week_of(NOON) - weeks_ago
    assert api_keys.lately_used(week, 5, 3, now=NOON) == lately


def test_a_monthly_job_counts_as_using() -> None:
    assert api_keys.is_using(NOON - 31 * DAY, now=NOON)
    assert not api_keys.is_using(NOON - 36 * DAY, now=NOON)
