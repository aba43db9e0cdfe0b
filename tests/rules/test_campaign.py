"""Whole campaigns, played through by a ticker that knows nothing but the rule."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.reminders import (
    FINAL_STEP,
    Reminder,
    ReminderPolicy,
    current_step,
    is_within_window,
    next_reminder,
    step_moment,
    steps,
)
from portal.rules.zones import moment_of, wall_clock
from tests.rules.strategies import SECOND, around_changes_of_clocks, moments, policies, windows, zones

EIGHT = [14, 12, 10, 8, 6, 4, 2, 0]
DAY = timedelta(days=1)


def play(
    ends: datetime, policy: ReminderPolicy, ticks: Iterable[datetime], after_step: int | None = None
) -> list[Reminder]:
    """What is sent when somebody asks at each tick and sends what is due: the step and the moment of sending."""
    sent: list[Reminder] = []
    for now in ticks:
        reminder = next_reminder(ends, policy, after_step=after_step, now=now)
        if reminder is not None and reminder.due_at <= now:
            after_step = reminder.step
            sent.append(Reminder(reminder.step, now))
    return sent


def play_on_time(ends: datetime, policy: ReminderPolicy, start: datetime) -> list[Reminder]:
    """What is sent by a ticker that is there at every planned moment."""
    sent: list[Reminder] = []
    while reminder := next_reminder(ends, policy, after_step=sent[-1].step if sent else None, now=start):
        assert len(sent) < 100
        start = reminder.due_at
        sent.append(reminder)
    return sent


@given(moments | around_changes_of_clocks(), zones)
def test_an_ignored_connection_brings_exactly_eight_e_mails_in_any_zone_and_season(ends: datetime, zone: str) -> None:
    policy = ReminderPolicy(time_zone=zone)
    sent = play_on_time(ends, policy, ends - 40 * DAY)
    assert [reminder.step for reminder in sent] == EIGHT
    assert sent[-1].due_at == ends
    assert all(is_within_window(reminder.due_at, policy) for reminder in sent[:-1])


@given(moments | around_changes_of_clocks(), zones, windows())
def test_each_reminder_goes_at_the_ends_wall_clock_time_or_at_the_next_opening(
    ends: datetime, zone: str, window: tuple[object, object]
) -> None:
    """The plan, written down again in wall-clock times alone."""
    policy = ReminderPolicy(window_opens=window[0], window_closes=window[1], time_zone=zone)  # type: ignore[arg-type]
    for reminder in play_on_time(ends, policy, ends - 40 * DAY)[:-1]:
        wall = wall_clock(ends, zone) - reminder.step * DAY
        if wall.time() < policy.window_opens:
            wall = datetime.combine(wall.date(), policy.window_opens)
        elif wall.time() >= policy.window_closes:
            wall = datetime.combine(wall.date() + DAY, policy.window_opens)
        if is_told_once(wall, zone):
            assert wall_clock(reminder.due_at, zone) == wall


def is_told_once(wall: datetime, zone: str) -> bool:
    """Whether neither this time nor one of the day before was left out or repeated by a change of the clocks."""
    moment = moment_of(wall, zone)
    return wall_clock(moment - 36 * timedelta(hours=1), zone) == wall - 36 * timedelta(hours=1) and (
        wall_clock(moment + 3 * timedelta(hours=1), zone) == wall + 3 * timedelta(hours=1)
    )


@given(around_changes_of_clocks(), policies(), st.lists(st.integers(1, 5 * 24 * 3600), max_size=60))
def test_a_ticker_that_is_down_for_days_stacks_nothing_and_misses_no_end(
    ends: datetime, policy: ReminderPolicy, pauses: list[int]
) -> None:
    ticks = [ends - 30 * DAY]
    for pause in pauses:
        ticks.append(ticks[-1] + pause * SECOND)
    ticks.append(max(ends, ticks[-1]) + DAY)
    sent = play(ends, policy, ticks)
    sent_steps = [reminder.step for reminder in sent]
    assert sent_steps == sorted(set(sent_steps), reverse=True)
    assert set(sent_steps) <= set(steps(policy))
    assert sent_steps[-1] == FINAL_STEP
    for reminder in sent:
        assert reminder.step == current_step(ends, policy, now=reminder.due_at)
        assert is_within_window(reminder.due_at, policy) or reminder.step == FINAL_STEP
    assert play(ends, policy, [ends + 2 * DAY, ends + 99 * DAY], after_step=FINAL_STEP) == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_ticker_of_every_ten_minutes_sends_eight_all_year_round(zone: str, month: int) -> None:
    policy = ReminderPolicy(time_zone=zone)
    ends = datetime(2028, month, 9, 3, 25, tzinfo=UTC)
    ticks = [ends - 16 * DAY + minutes * timedelta(minutes=10) for minutes in range(17 * 24 * 6)]
    sent = play(ends, policy, ticks)
    assert [reminder.step for reminder in sent] == EIGHT
    late = [reminder.due_at - step_moment(ends, reminder.step, policy) for reminder in sent]
    assert max(late) < timedelta(hours=15, minutes=10)


def test_three_days_without_a_ticker_cost_one_catch_up_and_the_next_is_on_plan() -> None:
    ends = datetime(2026, 12, 2, 10, tzinfo=UTC)
    hours = [ends - 15 * DAY + hour * timedelta(hours=1) for hour in range(16 * 24)]
    down = (ends - 11 * DAY, ends - 7 * DAY - timedelta(hours=1))
    sent = play(ends, ReminderPolicy(), [hour for hour in hours if not down[0] < hour < down[1]])
    assert [reminder.step for reminder in sent] == [14, 12, 8, 6, 4, 2, 0]
    assert sent[2].due_at == down[1]
    assert sent[3].due_at == ends - 6 * DAY


@given(moments | around_changes_of_clocks(), zones, st.integers(-20 * 24 * 60, 24 * 60), st.integers(1, 400))
def test_a_renewal_at_any_moment_ends_the_series(ends: datetime, zone: str, minutes: int, days: int) -> None:
    policy = ReminderPolicy(time_zone=zone)
    renewed_at = ends + timedelta(minutes=minutes)
    new_end = renewed_at + days * DAY
    after_step = current_step(new_end, policy, now=renewed_at)
    reminder = next_reminder(new_end, policy, after_step=after_step, now=renewed_at)
    assert reminder is not None
    assert reminder.due_at > renewed_at
    assert reminder.due_at >= step_moment(new_end, reminder.step, policy)
    assert days < 16 or reminder.step == 14


@given(moments, zones, st.integers(1, 14 * 24 * 60 - 1))
def test_a_connection_first_seen_inside_the_window_starts_at_once_or_in_the_morning(
    ends: datetime, zone: str, minutes: int
) -> None:
    policy = ReminderPolicy(time_zone=zone)
    now = ends - timedelta(minutes=minutes)
    reminder = next_reminder(ends, policy, after_step=None, now=now)
    assert reminder is not None
    if is_within_window(now, policy) and current_step(ends, policy, now=now) is not None:
        assert reminder == Reminder(current_step(ends, policy, now=now) or FINAL_STEP, now)
    assert play_on_time(ends, policy, now)[-1] == Reminder(FINAL_STEP, ends)


@given(moments | around_changes_of_clocks(), zones, st.integers(0, 40 * 24 * 3600), st.floats(0, 1, exclude_max=True))
def test_a_plan_stands_while_it_waits(ends: datetime, zone: str, seconds: int, share: float) -> None:
    """A stored date stays true: whoever asks again before it is given the same."""
    policy = ReminderPolicy(time_zone=zone)
    now = ends - 40 * DAY + seconds * SECOND
    planned = next_reminder(ends, policy, after_step=None, now=now)
    assert planned is not None
    meanwhile = now + (planned.due_at - now) * share
    assert next_reminder(ends, policy, after_step=None, now=meanwhile) == planned


@given(moments | around_changes_of_clocks(), policies(), st.integers(-100, 100), st.none() | st.integers(0, 90))
def test_a_reminder_is_never_planned_in_the_past_nor_repeats_a_step(
    ends: datetime, policy: ReminderPolicy, days: int, after_step: int | None
) -> None:
    now = ends + days * DAY
    reminder = next_reminder(ends, policy, after_step=after_step, now=now)
    if after_step == FINAL_STEP:
        assert reminder is None
        return
    assert reminder is not None
    assert reminder.due_at >= now
    assert reminder.due_at.utcoffset() == timedelta(0)
    assert after_step is None or reminder.step < after_step
    assert reminder.step == FINAL_STEP or reminder.due_at < ends
