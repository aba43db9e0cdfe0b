from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.digests import newest_week, week_due, week_of
from portal.rules.reminders import ReminderPolicy, is_within_window
from tests.rules.strategies import moments, policies, zones

LAST, WEEK = date(2026, 3, 23), date(2026, 3, 30)  # Mondays; between them Europe's clocks go forward
BERLIN = ReminderPolicy(time_zone="Europe/Berlin")
AUCKLAND = ReminderPolicy(time_zone="Pacific/Auckland")
NIGHTS = ReminderPolicy(window_opens=time(0), window_closes=time(2), time_zone="America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("policy", "now", "is_due"),
    [
        (BERLIN, "2026-03-29 22:00", False),  # Monday has begun, its daytime has not
        (BERLIN, "2026-03-30 05:59:59", False),
        (BERLIN, "2026-03-30 06:00", True),  # 08:00 by summer time
        (BERLIN, "2026-03-30 15:59:59", True),
        (BERLIN, "2026-03-30 16:00", False),  # 18:00: nothing ran all day
        (BERLIN, "2026-03-31 06:00", True),
        (BERLIN, "2026-04-05 12:00", True),  # Sunday: late, but true
        (BERLIN, "2026-03-29 12:00", False),  # the Sunday before
        (AUCKLAND, "2026-03-29 18:59:59", False),
        (AUCKLAND, "2026-03-29 19:00", True),  # 08:00 on Monday there
        (NIGHTS, "2026-03-30 03:59", False),
        (NIGHTS, "2026-03-30 04:00", True),  # midnight there
    ],
)
def test_the_digest_is_due_from_the_opening_of_mondays_daytime_on(
    policy: ReminderPolicy, now: str, is_due: bool
) -> None:
    assert week_due(policy, last=LAST, now=utc(now)) == (WEEK if is_due else None)


def test_weeks_that_were_missed_altogether_are_not_made_up_for() -> None:
    assert week_due(BERLIN, last=LAST - timedelta(weeks=5), now=utc("2026-03-30 09:00")) == WEEK


@given(policies(), moments, st.integers(-3, 3))
def test_it_is_due_once_a_week_and_in_the_daytime_alone(policy: ReminderPolicy, now: datetime, weeks: int) -> None:
    this = week_of(now, policy.time_zone)
    last = this + timedelta(weeks=weeks)
    due = week_due(policy, last=last, now=now)
    assert due == (this if last < this and is_within_window(now, policy) else None)
    assert week_due(policy, last=this, now=now) is None


@given(zones, moments)
def test_no_week_has_begun_anywhere_that_is_not_looked_for(zone: str, now: datetime) -> None:
    week = week_of(now, zone)
    assert week.weekday() == 0
    assert week <= newest_week(now) <= week + timedelta(weeks=1)
