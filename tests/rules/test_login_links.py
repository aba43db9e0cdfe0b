from dataclasses import replace
from datetime import timedelta
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
    SignInMail,
    lifetime,
    lifetime_in_words,
    next_mail_at,
    state_of,
)
from tests.rules.strategies import NOON, SECOND


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


def mail(ago_s: int, link: LinkState = LinkState.LIVE) -> SignInMail:
    return SignInMail(NOON - ago_s * SECOND, link)


@pytest.mark.parametrize(
    ("ago", "may"),
    [(0, False), (59, False), (60, True), (61, True), (-1, False), (-119, False), (-120, True), (-3600, True)],
)
def test_a_minute_lies_between_two_sign_in_e_mails(ago: int, may: bool) -> None:
    assert next_mail_at([mail(ago)], NOON) == (NOON if may else None)


def test_a_first_sign_in_e_mail_leaves_at_once() -> None:
    assert next_mail_at([], NOON) == NOON


def test_whoever_has_used_their_links_gets_another_at_once_however_many() -> None:
    assert next_mail_at([mail(ago, LinkState.USED) for ago in range(20)], NOON) == NOON
    assert next_mail_at([mail(30, LinkState.USED), mail(90)], NOON) == NOON


def test_a_link_that_was_superseded_within_the_minute_is_replaced_when_it_is_over() -> None:
    assert next_mail_at([mail(20, LinkState.SUPERSEDED), mail(100)], NOON) == NOON + 40 * SECOND
    assert next_mail_at([mail(20, LinkState.SUPERSEDED), mail(-40)], NOON) is None, "one waits already"
    assert next_mail_at([mail(60, LinkState.SUPERSEDED)], NOON) == NOON


@pytest.mark.parametrize(("oldest_ago", "may"), [(3599, False), (3600, True), (3601, True)])
@pytest.mark.parametrize("link", [LinkState.LIVE, LinkState.SUPERSEDED])
def test_five_sign_in_e_mails_an_hour_are_enough(oldest_ago: int, may: bool, link: LinkState) -> None:
    recent = [mail(oldest_ago, link), *(mail(minutes * 60, link) for minutes in (40, 30, 20, 10))]
    assert len(recent) == MAILS_PER_PERIOD == 5
    assert next_mail_at(recent, NOON) == (NOON if may else None)
    assert next_mail_at(recent[:4], NOON) == NOON


@given(st.lists(st.tuples(st.integers(0, 4 * 3600), st.booleans()), max_size=400))
def test_a_flood_of_requests_brings_few_e_mails_in_any_hour(asked: list[tuple[int, bool]]) -> None:
    """Whatever reminders supersede meanwhile."""
    sent: list[SignInMail] = []
    for second, supersedes in sorted(asked):
        now = NOON + second * SECOND
        if supersedes:
            sent = [replace(one, link=LinkState.SUPERSEDED) if one.at <= now else one for one in sent]
        if due_at := next_mail_at(sent, now):
            sent.append(SignInMail(due_at, LinkState.LIVE))
    times = [one.at for one in sent]
    for start in times:
        assert sum(start <= other < start + timedelta(hours=1) for other in times) <= 5
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(times))


def test_one_network_may_ask_thirty_times_in_ten_minutes() -> None:
    assert (30, timedelta(minutes=10)) == (REQUESTS_PER_NETWORK, NETWORK_PERIOD)
