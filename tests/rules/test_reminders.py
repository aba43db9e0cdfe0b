from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.reminders import (
    Reminder,
    ReminderPolicy,
    current_step,
    days_left,
    is_within_window,
    next_reminder,
    step_moment,
    step_out_of_turn,
    steps,
    validate_policy,
)
from tests.rules.strategies import NOON, SECOND, moments, policies, zones

DEFAULT = ReminderPolicy()
BERLIN = ReminderPolicy(time_zone="Europe/Berlin")
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("lead", "rhythm", "expected"),
    [
        (14, 2, (14, 12, 10, 8, 6, 4, 2, 0)),
        (14, 3, (14, 11, 8, 5, 2, 0)),
        (14, 14, (14, 0)),
        (1, 1, (1, 0)),
        (3, 1, (3, 2, 1, 0)),
    ],
)
def test_the_steps_count_down_to_the_final_notice(lead: int, rhythm: int, expected: tuple[int, ...]) -> None:
    assert steps(ReminderPolicy(lead, rhythm)) == expected


def test_the_default_policy_is_what_the_product_promises() -> None:
    assert ReminderPolicy(14, 2, time(8), time(18), "UTC") == DEFAULT
    assert DEFAULT.lead == 14 * DAY


@pytest.mark.parametrize(
    ("zone", "ends", "step", "moment"),
    [
        ("UTC", "2026-12-02 10:00", 14, "2026-11-18 10:00"),
        # across the start of summer time the wall clock stays, the UTC hour moves
        ("Europe/Berlin", "2026-04-10 08:00", 14, "2026-03-27 09:00"),
        ("Europe/Berlin", "2026-04-10 08:00", 12, "2026-03-29 08:00"),
        # and across its end
        ("Europe/Berlin", "2026-11-05 09:00", 14, "2026-10-22 08:00"),
        ("America/New_York", "2026-11-08 15:00", 8, "2026-10-31 14:00"),
        # a step in the hour that is left out, and in the hour that comes twice
        ("Europe/Berlin", "2026-04-12 00:30", 14, "2026-03-29 01:30"),
        ("Europe/Berlin", "2026-11-08 01:30", 14, "2026-10-25 00:30"),
        # 29 February
        ("Europe/Berlin", "2028-03-10 10:00", 10, "2028-02-29 10:00"),
        ("UTC", "2027-03-10 10:00", 10, "2027-02-28 10:00"),
        # the end itself, whatever the clocks do
        ("Europe/Berlin", "2026-10-25 01:30", 0, "2026-10-25 01:30"),
    ],
)
def test_a_step_falls_due_at_the_ends_own_wall_clock_time(zone: str, ends: str, step: int, moment: str) -> None:
    assert step_moment(utc(ends), step, ReminderPolicy(time_zone=zone)) == utc(moment)


ENDS = utc("2026-12-02 10:00")


@pytest.mark.parametrize(
    ("after_step", "now", "step", "due_at"),
    [
        # before the series and at its first moment, to the second
        (None, "2026-11-01 12:00:00", 14, "2026-11-18 10:00:00"),
        (None, "2026-11-18 09:59:59", 14, "2026-11-18 10:00:00"),
        (None, "2026-11-18 10:00:00", 14, "2026-11-18 10:00:00"),
        (None, "2026-11-18 10:00:01", 14, "2026-11-18 10:00:01"),
        # the next step comes on plan
        (14, "2026-11-18 10:00:01", 12, "2026-11-20 10:00:00"),
        (2, "2026-12-01 12:00:00", 0, "2026-12-02 10:00:00"),
        # skipped ones are not stacked: the newest due counts
        (None, "2026-11-20 09:59:59", 14, "2026-11-20 09:59:59"),
        (None, "2026-11-20 10:00:00", 12, "2026-11-20 10:00:00"),
        (14, "2026-11-25 15:00:00", 8, "2026-11-25 15:00:00"),
        # a sent step never comes again
        (8, "2026-11-25 15:00:00", 6, "2026-11-26 10:00:00"),
        (5, "2026-11-25 15:00:00", 4, "2026-11-28 10:00:00"),
        # at night it waits for the morning, whose first second belongs to the window and whose last does not
        (14, "2026-11-20 18:00:00", 12, "2026-11-21 08:00:00"),
        (14, "2026-11-20 17:59:59", 12, "2026-11-20 17:59:59"),
        (14, "2026-11-21 07:59:59", 12, "2026-11-21 08:00:00"),
        (14, "2026-11-21 08:00:00", 12, "2026-11-21 08:00:00"),
        # the final notice: at the end, at once when late, by night too, and last
        (None, "2026-12-02 09:59:59", 2, "2026-12-02 09:59:59"),
        (2, "2026-12-02 09:59:59", 0, "2026-12-02 10:00:00"),
        (None, "2026-12-02 10:00:00", 0, "2026-12-02 10:00:00"),
        (4, "2027-01-15 03:00:00", 0, "2027-01-15 03:00:00"),
    ],
)
def test_the_next_reminder_is_the_newest_due_or_the_next_to_come(
    after_step: int | None, now: str, step: int, due_at: str
) -> None:
    assert next_reminder(ENDS, DEFAULT, after_step=after_step, now=utc(now)) == Reminder(step, utc(due_at))


@pytest.mark.parametrize("now", ["2026-11-01 12:00", "2026-12-02 10:00", "2027-12-02 10:00"])
def test_nothing_follows_the_final_notice(now: str) -> None:
    assert next_reminder(ENDS, DEFAULT, after_step=0, now=utc(now)) is None


def test_the_newer_step_counts_when_waiting_for_the_morning_would_reach_it() -> None:
    daily = ReminderPolicy(lead_days=3, rhythm_days=1)
    assert next_reminder(utc("2026-12-02 08:00"), daily, after_step=None, now=utc("2026-11-30 07:59")) == Reminder(
        2, utc("2026-11-30 08:00")
    )
    assert next_reminder(utc("2026-12-02 08:01"), daily, after_step=None, now=utc("2026-11-29 18:00")) == Reminder(
        3, utc("2026-11-30 08:00")
    )


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ("2026-12-03 08:00:00", Reminder(0, utc("2026-12-03 08:00:00"))),  # the morning comes with the end itself
        ("2026-12-03 08:00:01", Reminder(2, utc("2026-12-03 08:00:00"))),
        ("2026-12-03 03:00:00", Reminder(0, utc("2026-12-03 03:00:00"))),  # by night, because it is the final notice
    ],
)
def test_a_reminder_that_would_wait_beyond_the_end_is_dropped_for_the_final_notice(
    ends: str, expected: Reminder
) -> None:
    assert next_reminder(utc(ends), DEFAULT, after_step=4, now=utc("2026-12-02 18:30")) == expected


@pytest.mark.parametrize(
    ("now", "within"),
    [
        ("2026-07-01 05:59:59", False),
        ("2026-07-01 06:00:00", True),
        ("2026-07-01 15:59:59", True),
        ("2026-07-01 16:00:00", False),
        ("2026-12-01 06:59:59", False),
        ("2026-12-01 07:00:00", True),
    ],
)
def test_the_daytime_is_the_organizations_own_and_exact_to_the_second(now: str, within: bool) -> None:
    assert is_within_window(utc(now), BERLIN) is within


def test_a_reminder_that_fell_due_by_night_waits_for_the_morning_of_the_organization() -> None:
    ends = utc("2026-07-15 20:00")  # 22:00 in Berlin
    assert next_reminder(ends, BERLIN, after_step=None, now=utc("2026-06-01 12:00")) == Reminder(
        14, utc("2026-07-02 06:00")
    )


def test_an_opening_in_the_hour_left_out_is_as_much_later() -> None:
    early = ReminderPolicy(window_opens=time(2, 30), window_closes=time(9), time_zone="Europe/Berlin")
    reminder = next_reminder(utc("2026-04-11 23:00"), early, after_step=None, now=utc("2026-03-01 12:00"))
    assert reminder == Reminder(14, utc("2026-03-29 01:30"))


@pytest.mark.parametrize("ends", ["2026-04-11 23:00", "2026-04-11 09:00"])  # due on that night, and on the day before
def test_a_window_that_the_clocks_leave_out_opens_on_the_next_day(ends: str) -> None:
    narrow = ReminderPolicy(window_opens=time(2, 15), window_closes=time(2, 45), time_zone="Europe/Berlin")
    reminder = next_reminder(utc(ends), narrow, after_step=None, now=utc("2026-03-01 12:00"))
    assert reminder == Reminder(14, utc("2026-03-30 00:15"))


def test_a_window_that_never_opens_holds_nothing_back() -> None:
    upside_down = ReminderPolicy(window_opens=time(18), window_closes=time(8))
    assert next_reminder(ENDS, upside_down, after_step=None, now=NOON) == Reminder(12, NOON)


def test_a_day_that_a_zone_left_out_takes_its_reminder_along() -> None:
    daily = ReminderPolicy(lead_days=1, rhythm_days=1, time_zone="Pacific/Apia")
    ends = utc("2011-12-30 22:00")  # noon on the 31st, and the 30th never was
    assert next_reminder(ends, daily, after_step=None, now=utc("2011-12-01 00:00")) == Reminder(0, ends)


@pytest.mark.parametrize(
    ("now", "step"),
    [
        ("2026-11-18 09:59:59", None),
        ("2026-11-18 10:00:00", 14),
        ("2026-11-20 09:59:59", 14),
        ("2026-11-20 10:00:00", 12),
        ("2026-12-02 09:59:59", 2),
        ("2026-12-02 10:00:00", 0),
        ("2027-12-02 10:00:00", 0),
    ],
)
def test_the_current_step_is_the_newest_whose_moment_has_passed(now: str, step: int | None) -> None:
    assert current_step(ENDS, DEFAULT, now=utc(now)) == step


@given(moments, st.integers(1, 60 * 24), policies())
def test_nobody_is_reminded_right_after_a_short_renewal(now: datetime, hours: int, policy: ReminderPolicy) -> None:
    ends = now + timedelta(hours=hours)
    reminder = next_reminder(ends, policy, after_step=current_step(ends, policy, now=now), now=now)
    assert reminder is not None
    assert reminder.due_at > now


@pytest.mark.parametrize(
    ("ends", "now", "days"),
    [
        ("2026-12-02 10:00", "2026-11-18 10:00", 14),
        ("2026-12-02 10:00", "2026-11-18 23:30", 13),  # 00:30 on the 19th in Berlin
        ("2026-12-02 23:30", "2026-12-02 22:59", 1),
        ("2026-12-02 23:30", "2026-12-02 23:00", 0),
        ("2026-12-02 10:00", "2026-12-02 10:00", 0),
        ("2026-12-02 10:00", "2026-12-09 10:00", 0),
        ("2028-03-01 10:00", "2028-02-28 10:00", 2),
        ("2027-03-01 10:00", "2027-02-28 10:00", 1),
    ],
)
def test_the_days_left_are_counted_as_people_of_the_zone_count_them(ends: str, now: str, days: int) -> None:
    assert days_left(utc(ends), now=utc(now), time_zone="Europe/Berlin") == days


@pytest.mark.parametrize(
    ("ends", "now", "step"),
    [
        ("2026-12-12 10:00", "2026-12-02 10:00", 10),
        ("2026-12-02 23:30", "2026-12-02 22:30", 1),
        ("2026-12-02 22:00", "2026-12-02 08:00", 1),  # ends today: the last day counts while it has not ended
        ("2026-12-02 22:00:01", "2026-12-02 22:00", 1),
        ("2026-12-02 22:00", "2026-12-02 22:00", 0),
        ("2026-12-02 22:00", "2026-12-30 22:00", 0),
    ],
)
def test_out_of_turn_the_last_day_is_day_one_until_the_end(ends: str, now: str, step: int) -> None:
    assert step_out_of_turn(utc(ends), now=utc(now), time_zone="Europe/Berlin") == step


@given(moments, st.timedeltas(-DAY, 3 * DAY), zones)
def test_out_of_turn_the_final_step_begins_with_the_end(ends: datetime, ahead: timedelta, zone: str) -> None:
    assert (step_out_of_turn(ends, now=ends - ahead, time_zone=zone) == 0) is (ahead <= timedelta(0))


@given(moments, st.integers(0, 90), zones)
def test_a_step_sent_at_its_moment_tells_its_own_number_of_days(ends: datetime, step: int, zone: str) -> None:
    policy = ReminderPolicy(90, 1, time_zone=zone)
    told = days_left(ends, now=step_moment(ends, step, policy), time_zone=zone)
    assert told == step


@given(policies())
def test_a_policy_within_its_bounds_is_accepted(policy: ReminderPolicy) -> None:
    assert validate_policy(policy) == {}


@pytest.mark.parametrize(
    ("policy", "wrong"),
    [
        (ReminderPolicy(lead_days=0, rhythm_days=1), {"lead_days"}),
        (ReminderPolicy(lead_days=1, rhythm_days=1), set()),
        (ReminderPolicy(lead_days=90), set()),
        (ReminderPolicy(lead_days=91), {"lead_days"}),
        (ReminderPolicy(rhythm_days=0), {"rhythm_days"}),
        (ReminderPolicy(rhythm_days=14), set()),
        (ReminderPolicy(rhythm_days=15), {"rhythm_days"}),
        (ReminderPolicy(lead_days=-3, rhythm_days=2), {"lead_days", "rhythm_days"}),
        (ReminderPolicy(window_opens=time(18), window_closes=time(18)), {"window_closes"}),
        (ReminderPolicy(window_opens=time(18), window_closes=time(18, 1)), set()),
        (ReminderPolicy(window_opens=time(19), window_closes=time(18)), {"window_closes"}),
        (ReminderPolicy(time_zone="Middle/Earth"), {"time_zone"}),
    ],
)
def test_each_wrong_field_of_a_policy_is_named(policy: ReminderPolicy, wrong: set[str]) -> None:
    errors = validate_policy(policy)
    assert set(errors) == wrong
    assert all(sentence.endswith(".") for sentence in errors.values())


def test_a_wrong_lead_is_told_its_bounds() -> None:
    assert validate_policy(ReminderPolicy(lead_days=91)) == {"lead_days": "Choose between 1 and 90 days."}


def test_the_final_notice_knows_itself() -> None:
    assert Reminder(0, NOON).is_final
    assert not Reminder(2, NOON + SECOND).is_final
