from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.login_links import (
    MAILS_PER_PERIOD,
    NETWORK_PERIOD,
    REQUESTS_PER_NETWORK,
    LinkPurpose,
    LinkState,
    lifetime,
    lifetime_in_words,
    may_mail,
    state_of,
)
from tests.rules.strategies import NOON, SECOND, quick


@pytest.mark.parametrize(
    ("purpose", "elevated", "hours"),
    [
        (LinkPurpose.SIGN_IN, False, 1),
        (LinkPurpose.SIGN_IN, True, 1),
        (LinkPurpose.INVITATION, False, 82),
        (LinkPurpose.INVITATION, True, 24),
        (LinkPurpose.REMINDER, False, 82),
        (LinkPurpose.REMINDER, True, 24),
    ],
)
def test_a_link_lives_as_long_as_its_purpose_and_role_allow(purpose: LinkPurpose, elevated: bool, hours: int) -> None:
    assert lifetime(purpose, elevated=elevated) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("rest", "state"), [(SECOND, LinkState.LIVE), (timedelta(0), LinkState.EXPIRED), (-SECOND, LinkState.EXPIRED)]
)
def test_a_link_lives_until_its_last_second(rest: timedelta, state: LinkState) -> None:
    assert state_of(expires_at=NOON + rest, used_at=None, superseded_at=None, now=NOON) is state


@pytest.mark.parametrize("rest", [SECOND, -SECOND])
def test_used_is_said_before_superseded_and_both_before_expired(rest: timedelta) -> None:
    ends = NOON + rest
    assert state_of(expires_at=ends, used_at=NOON, superseded_at=NOON, now=NOON) is LinkState.USED
    assert state_of(expires_at=ends, used_at=NOON, superseded_at=None, now=NOON) is LinkState.USED
    assert state_of(expires_at=ends, used_at=None, superseded_at=NOON, now=NOON) is LinkState.SUPERSEDED


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(hours=82), "82 hours"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=2) - SECOND, "1 hour"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=1) - SECOND, "59 minutes"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(0), "0 minutes"),
    ],
)
def test_a_lifetime_is_told_in_plain_words(duration: timedelta, words: str) -> None:
    assert lifetime_in_words(duration) == words


@pytest.mark.parametrize(
    ("ago", "may"),
    [(0, False), (59, False), (60, True), (61, True), (-1, False), (-59, False), (-60, True), (-3600, True)],
)
def test_a_minute_lies_between_two_sign_in_e_mails(ago: int, may: bool) -> None:
    assert may_mail([NOON - ago * SECOND], NOON) is may


def test_a_first_sign_in_e_mail_is_always_sent() -> None:
    assert may_mail([], NOON)


@pytest.mark.parametrize(("oldest_ago", "may"), [(3599, False), (3600, True), (3601, True)])
def test_five_sign_in_e_mails_an_hour_are_enough(oldest_ago: int, may: bool) -> None:
    recent = [NOON - oldest_ago * SECOND, *(NOON - minutes * timedelta(minutes=1) for minutes in (40, 30, 20, 10))]
    assert len(recent) == MAILS_PER_PERIOD == 5
    assert may_mail(recent, NOON) is may
    assert may_mail(recent[:4], NOON)


@quick
@given(st.lists(st.integers(0, 4 * 3600), max_size=400))
def test_a_flood_of_requests_brings_few_e_mails_in_any_hour(seconds: list[int]) -> None:
    sent: list[datetime] = []
    for second in sorted(seconds):
        if may_mail(sent, NOON + second * SECOND):
            sent.append(NOON + second * SECOND)
    for start in sent:
        assert sum(start <= other < start + timedelta(hours=1) for other in sent) <= 5
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(sent))


def test_one_network_may_ask_thirty_times_in_ten_minutes() -> None:
    assert (30, timedelta(minutes=10)) == (REQUESTS_PER_NETWORK, NETWORK_PERIOD)
