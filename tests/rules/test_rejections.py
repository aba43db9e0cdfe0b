from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.rejections import FORGOTTEN_AFTER, Noted, Step, action_at_rest, next_step, note
from portal.rules.verdicts import Fault, FaultAction, Verdict

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

EXPIRED = Verdict(Fault.EXPIRED, FaultAction.REFRESH, "HTTP 401")
REVOKED = Verdict(Fault.REVOKED, FaultAction.RECONSENT, "token_revoked (HTTP 401)")
STEP_UP = Verdict(Fault.EXPIRED, FaultAction.RECONSENT, "insufficient_user_authentication (HTTP 401)")
NO_SCOPE = Verdict(Fault.SCOPE_MISSING, FaultAction.ADD_SCOPE, "insufficient_scope (HTTP 401)")


def noted(generation: int, step: Step, *, rests: timedelta = MINUTE, checks: int = 1) -> Noted:
    return Noted(generation, step, checks, NOON + rests)


@pytest.mark.parametrize("fault", sorted(set(Fault) - {Fault.EXPIRED, Fault.REVOKED}))
@pytest.mark.parametrize("can_renew", [True, False])
def test_what_is_not_about_the_token_is_only_told(fault: Fault, can_renew: bool):
    verdict = Verdict(fault, FaultAction.NONE, "")
    for before in (None, noted(7, Step.REFRESH), noted(6, Step.REFRESH)):
        assert next_step(before, 7, verdict, can_renew=can_renew, now=NOON) is Step.TELL


@pytest.mark.parametrize(
    ("before", "verdict", "can_renew", "step"),
    [
        (None, EXPIRED, True, Step.REFRESH),
        (None, REVOKED, True, Step.REFRESH),
        (None, STEP_UP, True, Step.REFRESH),
        (None, EXPIRED, False, Step.PROBE),
        (None, REVOKED, False, Step.PROBE),
        # reported before
        (noted(7, Step.REFRESH), EXPIRED, True, Step.JOIN),
        (noted(7, Step.REFRESH, rests=-MINUTE), REVOKED, True, Step.JOIN),
        (noted(7, Step.PROBE), EXPIRED, False, Step.REST),
        (noted(7, Step.PROBE), REVOKED, True, Step.REST),
        (noted(7, Step.PROBE, rests=-SECOND), REVOKED, True, Step.REFRESH),
        (noted(7, Step.PROBE, rests=-SECOND), EXPIRED, False, Step.PROBE),
        (noted(7, Step.TELL, rests=-SECOND), EXPIRED, True, Step.REFRESH),
        # it came by a report about the one before
        (noted(6, Step.REFRESH), EXPIRED, True, Step.REST),
        (noted(6, Step.REFRESH), STEP_UP, True, Step.REST),
        (noted(6, Step.REFRESH), REVOKED, True, Step.PROBE),
        (noted(6, Step.PROBE), REVOKED, False, Step.REST),
        (noted(6, Step.REFRESH, rests=timedelta(0)), EXPIRED, True, Step.REFRESH),
        # it came by a refresh of our own meanwhile
        (noted(5, Step.REFRESH), EXPIRED, True, Step.REFRESH),
        (noted(9, Step.REFRESH), EXPIRED, True, Step.REFRESH),
    ],
)
def test_what_a_report_about_generation_7_leads_to(before: Noted | None, verdict: Verdict, can_renew: bool, step: Step):
    assert next_step(before, 7, verdict, can_renew=can_renew, now=NOON) is step


def test_rests_double_up_to_an_hour_while_fresh_tokens_are_refused():
    current, now, rests = None, NOON, []
    for generation in range(1, 12):
        current = note(current, generation, Step.REFRESH, jitter=0.0, now=now)
        rests.append((current.rests_until - now) // SECOND)
        now = current.rests_until
    assert rests == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800, 1800, 1800]


def test_a_report_long_after_the_last_rest_begins_anew():
    before = noted(6, Step.REFRESH, checks=5)
    assert note(before, 7, Step.REFRESH, jitter=0.0, now=NOON + MINUTE + FORGOTTEN_AFTER).checks == 1
    assert note(before, 7, Step.REFRESH, jitter=0.0, now=NOON + FORGOTTEN_AFTER).checks == 6


def test_a_report_that_cost_nothing_shortens_no_rest():
    before = noted(6, Step.REFRESH, checks=3)
    after = note(before, 7, Step.TELL, jitter=0.0, now=NOON)
    assert (after.generation, after.checks, after.rests_until) == (7, 3, before.rests_until)
    assert next_step(after, 7, EXPIRED, can_renew=True, now=NOON) is Step.REST


@pytest.mark.parametrize(
    ("verdict", "action"),
    [
        (EXPIRED, FaultAction.BACKOFF),
        (REVOKED, FaultAction.BACKOFF),
        (STEP_UP, FaultAction.RECONSENT),
    ],
)
def test_what_only_a_human_cures_by_its_own_words_is_told_so(verdict: Verdict, action: FaultAction):
    assert action_at_rest(verdict) is action


@given(
    waits=st.lists(st.integers(0, 120), min_size=50, max_size=400),
    verdicts=st.lists(st.sampled_from([EXPIRED, REVOKED, STEP_UP, NO_SCOPE]), min_size=400, max_size=400),
    can_renew=st.booleans(),
)
def test_whatever_backends_report_the_provider_is_asked_less_and_less(
    waits: list[int], verdicts: list[Verdict], can_renew: bool
):
    """Each refresh brings a new generation, which is refused at once."""
    current, generation, now, asked = None, 1, NOON, 0
    for wait, verdict in zip(waits, verdicts, strict=False):
        now += wait * SECOND
        step = next_step(current, generation, verdict, can_renew=can_renew, now=now)
        if step is Step.JOIN:
            continue
        if step in (Step.REFRESH, Step.PROBE):
            asked += 1
        if step is not Step.REST:
            current = note(current, generation, step, jitter=0.0, now=now)
        if step is Step.REFRESH:
            generation += 1
    assert asked <= 2 * (10 + (now - NOON) / (30 * MINUTE))
