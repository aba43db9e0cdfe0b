from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import probes
from portal.rules.probes import ProviderFacts, Step, TokenFacts
from portal.rules.verdicts import Fault, FaultAction, Verdict

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JITTERS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("can_be_asked", "idle", "refreshed_every", "expected"),
    [
        (True, None, None, DAY),  # Vimeo, GitHub: nothing else would notice
        (True, 365 * DAY, None, DAY),  # GitHub drops what is unused for a year: a day is often enough
        (True, 2 * DAY, None, 12 * HOUR),
        (True, None, HOUR, None),  # Google, Dropbox, HubSpot: each refresh proves the grant
        (True, None, 3 * DAY, None),
        (True, None, 60 * DAY, DAY),  # Facebook: it could be dead for weeks
        (False, None, None, None),
        (False, DAY, 60 * DAY, None),
    ],
)
def test_what_nothing_else_would_notice_dying_is_asked_about(
    can_be_asked: bool, idle: timedelta | None, refreshed_every: timedelta | None, expected: timedelta | None
) -> None:
    assert probes.probe_interval(ProviderFacts(can_be_asked, idle), TokenFacts(refreshed_every)) == expected


def verdict(fault: Fault, action: FaultAction = FaultAction.NONE) -> Verdict:
    return Verdict(fault, action, "said so")


@pytest.mark.parametrize(
    ("told", "can_refresh", "is_just_refreshed", "expected"),
    [
        (verdict(Fault.OK), True, False, Step.ALIVE),
        (verdict(Fault.SCOPE_MISSING), False, False, Step.ALIVE),
        (verdict(Fault.REVOKED), True, False, Step.GIVE_UP),
        (verdict(Fault.EXPIRED, FaultAction.REFRESH), True, False, Step.REFRESH),
        (verdict(Fault.EXPIRED, FaultAction.REFRESH), False, False, Step.GIVE_UP),
        (verdict(Fault.EXPIRED, FaultAction.RECONSENT), True, False, Step.GIVE_UP),
        (verdict(Fault.EXPIRED, FaultAction.REFRESH), True, True, Step.REFUSED),
    ],
)
def test_what_is_said_about_the_tokens_decides(
    told: Verdict, can_refresh: bool, is_just_refreshed: bool, expected: Step
) -> None:
    assert probes.step_after(told, can_refresh=can_refresh, is_just_refreshed=is_just_refreshed) is expected


@pytest.mark.parametrize("fault", [Fault.TRANSIENT, Fault.RATE_LIMITED, Fault.APP_CONFIG, Fault.NOT_AUTH])
def test_whatever_says_nothing_about_the_tokens_waits(fault: Fault) -> None:
    for flags in ((True, True), (True, False), (False, False)):
        assert probes.step_after(verdict(fault), can_refresh=flags[0], is_just_refreshed=flags[1]) is Step.WAIT


@given(JITTERS)
def test_a_new_grant_is_looked_at_within_five_minutes(jitter: float) -> None:
    assert NOW + timedelta(minutes=2) <= probes.first_at(NOW, jitter=jitter) <= NOW + timedelta(minutes=5)


@given(JITTERS)
def test_good_answers_spread_the_next_question_and_are_never_late(jitter: float) -> None:
    at = probes.next_at(NOW, DAY, jitter=jitter)
    assert at is not None
    assert NOW + 0.9 * DAY <= at <= NOW + DAY


def test_what_needs_no_question_is_never_due() -> None:
    assert probes.next_at(NOW, None, jitter=0.5) is None
    assert probes.spread_at(NOW, None, jitter=0.5) is None


@given(st.integers(1, 10_000), JITTERS)
def test_waiting_grows_from_ten_minutes_to_twelve_hours(failures: int, jitter: float) -> None:
    wait = probes.backoff(failures, jitter=jitter, retry_after=None)
    assert timedelta(minutes=10) <= wait <= timedelta(hours=12)
    assert wait <= probes.backoff(failures + 1, jitter=jitter, retry_after=None)


def test_a_longer_retry_after_is_obeyed_up_to_a_day() -> None:
    assert probes.backoff(1, jitter=0.0, retry_after=6 * HOUR) == 6 * HOUR
    assert probes.backoff(1, jitter=0.0, retry_after=400 * DAY) == DAY
    assert probes.backoff(1, jitter=0.0, retry_after=timedelta(seconds=1)) == timedelta(minutes=10)
