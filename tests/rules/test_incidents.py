"""When like failures are one incident, what it holds up, and what its admins are told."""

from datetime import timedelta

import pytest

from portal.rules import incidents as rules
from portal.rules.verdicts import Fault

NAMED = [Fault.REVOKED, Fault.APP_CONFIG, Fault.TRANSIENT, Fault.RATE_LIMITED]
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.EXPIRED, Fault.REVOKED),
        (Fault.REVOKED, Fault.REVOKED),
        (Fault.SCOPE_MISSING, Fault.REVOKED),
        (Fault.TRANSIENT, Fault.TRANSIENT),
        (Fault.RATE_LIMITED, Fault.RATE_LIMITED),
        (Fault.APP_CONFIG, Fault.APP_CONFIG),
        (Fault.NOT_AUTH, None),
        (Fault.OK, None),
    ],
)
def test_a_dead_grant_is_refused_in_several_words(fault: Fault, name: Fault | None) -> None:
    assert rules.alike(fault) is name
    assert name is None or fault in rules.all_alike(name)


@pytest.mark.parametrize(
    ("active", "of_refusals", "of_outages", "of_our_app"),
    [
        (0, 10, 10, 1),
        (1, 10, 10, 1),
        (9, 10, 10, 9),
        (100, 10, 10, 10),
        (200, 10, 10, 10),
        (201, 11, 11, 11),
        (1_000, 50, 50, 50),
        (5_000, 50, 250, 250),
        (100_000, 50, 5_000, 5_000),
    ],
)
def test_ten_are_many_and_so_is_one_in_twenty_but_fifty_refusals_always(
    active: int, of_refusals: int, of_outages: int, of_our_app: int
) -> None:
    assert rules.threshold(Fault.REVOKED, active=active) == of_refusals
    assert rules.threshold(Fault.TRANSIENT, active=active) == of_outages
    assert rules.threshold(Fault.APP_CONFIG, active=active) == of_our_app


@pytest.mark.parametrize(("active", "successes"), [(0, 1), (1, 1), (2, 2), (3, 3), (500, 3)])
def test_three_successes_end_it_or_as_many_as_there_can_be(active: int, successes: int) -> None:
    assert rules.healed_by(active=active) == successes


@pytest.mark.parametrize("fault", NAMED)
def test_only_a_provider_that_is_no_use_to_anybody_is_asked_by_trials(fault: Fault) -> None:
    assert rules.breaks_the_circuit(fault) is (fault is not Fault.REVOKED)


@pytest.mark.parametrize(
    ("fault", "last_fault", "proves"),
    [
        (Fault.TRANSIENT, None, True),
        (Fault.REVOKED, None, False),
        (Fault.REVOKED, "transient", False),
        (Fault.REVOKED, "revoked", True),
        (Fault.REVOKED, "expired", True),
    ],
)
def test_refusals_are_disproved_by_those_that_were_refused(fault: Fault, last_fault: str | None, proves: bool) -> None:
    assert rules.proves_healing(fault, last_fault=last_fault) is proves


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        (None, rules.TRIAL_EVERY),
        (timedelta(seconds=1), rules.TRIAL_EVERY),
        (2 * MINUTE, 2 * MINUTE),
        (timedelta(days=1), rules.TRIAL_RESTS_AT_MOST),
    ],
)
def test_a_trial_obeys_the_provider_for_up_to_an_hour(retry_after: timedelta | None, wait: timedelta) -> None:
    assert rules.next_trial_in(retry_after) == wait


@pytest.mark.parametrize("fault", NAMED)
def test_every_incident_has_words_that_name_the_provider(fault: Fault) -> None:
    words = rules.alert_words(fault, "LinkedIn")
    assert "LinkedIn" in words.title
    assert not any("{" in part for part in (words.title, words.sentence, words.what_to_do))
    assert len(words.title) <= 78
