from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.happenings import SENTENCES
from portal.rules.problems import InvalidRequest
from portal.rules.webhooks import (
    GIVEN_UP_AFTER,
    PUBLIC_TYPES,
    SPREAD,
    WAITS,
    PublicType,
    Verdict,
    clean_types,
    is_given_up,
    is_wanted,
    next_attempt_at,
    public_facts,
    rest_until,
    verdict_of,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
FROZEN = {
    "connection.connected", "connection.ending", "connection.ended", "connection.needs_reconsent",
    "connection.reconnected", "connection.subject_changed", "connection.scopes_changed", "connection.accounts_changed",
    "connection.displaced", "connection.disconnected",
}  # fmt: skip


def test_the_types_are_those_promised():
    assert set(PublicType) == FROZEN
    assert set(PUBLIC_TYPES.values()) == set(PublicType)


def test_every_public_event_is_an_event_of_the_log():
    assert PUBLIC_TYPES.keys() <= SENTENCES.keys()


@pytest.mark.parametrize("public_type", list(PublicType))
def test_every_type_has_its_meaning_in_words(public_type: PublicType):
    assert public_type.meaning


def test_only_named_facts_leave_the_house():
    facts = {"lost": ["a"], "gained": [], "access_token": "x", "login": "ana@social"}
    assert public_facts(PublicType.SCOPES_CHANGED, facts) == {"lost": ["a"], "gained": []}
    assert public_facts(PublicType.CONNECTED, facts) == {}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.DELIVERED),
        (204, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (301, Verdict.UNWANTED),
        (400, Verdict.UNWANTED),
        (404, Verdict.UNWANTED),
        (408, Verdict.TROUBLED),
        (410, Verdict.GONE),
        (429, Verdict.TROUBLED),
        (500, Verdict.TROUBLED),
        (503, Verdict.TROUBLED),
        (None, Verdict.TROUBLED),
    ],
)
def test_what_an_answer_means(status: int | None, verdict: Verdict):
    assert verdict_of(status) is verdict


def test_ten_attempts_take_three_days_and_a_bit():
    assert len(WAITS) == 9
    assert GIVEN_UP_AFTER <= sum(WAITS, timedelta()) < GIVEN_UP_AFTER + timedelta(hours=6)


@given(attempts=st.integers(1, len(WAITS)), spread=st.floats(0, 1))
def test_waits_are_spread_but_never_shorter_than_planned(attempts: int, spread: float):
    again_at = next_attempt_at(attempts, spread=spread, now=NOW)
    assert again_at is not None
    assert WAITS[attempts - 1] <= again_at - NOW <= WAITS[attempts - 1] * (1 + SPREAD)


def test_after_the_last_attempt_there_is_none():
    assert next_attempt_at(len(WAITS) + 1, spread=0, now=NOW) is None


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(seconds=1), timedelta(seconds=5)),
        (timedelta(days=300), timedelta(days=1)),
    ],
)
def test_a_longer_wait_is_granted_up_to_a_day(retry_after: timedelta, waits: timedelta):
    assert next_attempt_at(1, spread=0, retry_after=retry_after, now=NOW) == NOW + waits
    assert rest_until(1, retry_after=retry_after, now=NOW) == NOW + waits


@pytest.mark.parametrize(("failures", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 300), (1_000_000, 300)])
def test_an_endpoint_in_trouble_rests_longer_each_time_up_to_five_minutes(failures: int, seconds: int):
    assert rest_until(failures, now=NOW) == NOW + timedelta(seconds=seconds)


def test_an_endpoint_is_given_up_after_three_days_of_failures():
    assert not is_given_up(NOW - GIVEN_UP_AFTER + timedelta(seconds=1), now=NOW)
    assert is_given_up(NOW - GIVEN_UP_AFTER, now=NOW)


def test_none_chosen_means_every_type():
    assert is_wanted((), PublicType.ENDED)
    assert is_wanted(("connection.ended",), PublicType.ENDED)
    assert not is_wanted(("connection.ended",), PublicType.ENDING)


def test_an_unknown_type_is_refused():
    with pytest.raises(InvalidRequest):
        clean_types(["connection.exploded"])
    assert clean_types(["connection.ended", "connection.connected"]) == (PublicType.CONNECTED, PublicType.ENDED)
