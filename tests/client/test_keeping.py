import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from portal.client.answers import Token
from portal.client.errors import PortalUnavailable, ReconsentRequired
from portal.client.keeping import KEPT_AT_MOST_S, TokenKeeper

MINUTE = timedelta(minutes=1)


class Source:
    """Tokens of growing generations, each of which lives as long as the test says."""

    def __init__(self, lives: timedelta | None = timedelta(hours=1)) -> None:
        self.lives = lives
        self.fetched = 0
        self.now = 0.0
        self.keeper = TokenKeeper(self.fetch, min_ttl=MINUTE, clock=lambda: self.now)

    def fetch(self) -> Token:
        self.fetched += 1
        return Token(f"access-{self.fetched}", "Bearer", None, (), None, self.fetched, self.lives)


@pytest.mark.parametrize(
    ("lives", "kept_s"),
    [
        (timedelta(hours=1), 3540),
        (timedelta(minutes=10), 540),
        (MINUTE, 30),
        (timedelta(seconds=10), 5),
        (timedelta(days=60), KEPT_AT_MOST_S),
        (None, KEPT_AT_MOST_S),
    ],
)
def test_a_token_is_kept_until_shortly_before_its_end(lives: timedelta | None, kept_s: float):
    source = Source(lives)
    first = source.keeper.token()
    source.now = kept_s - 0.001
    assert source.keeper.token() is first
    source.now = kept_s
    assert source.keeper.token().generation == 2


def test_a_token_that_is_over_is_not_kept():
    source = Source(timedelta(0))
    assert [source.keeper.token().generation for _ in range(2)] == [1, 2]


def test_those_who_wait_get_the_failure_too_and_the_next_tries_again():
    began, goes_on = threading.Event(), threading.Event()
    fetches: Iterator[int] = iter(range(9))

    def fail() -> Token:
        next(fetches)
        began.set()
        goes_on.wait(10)
        raise PortalUnavailable("away")

    keeper = TokenKeeper(fail, min_ttl=MINUTE)

    def failure() -> str:
        with pytest.raises(PortalUnavailable) as raised:
            keeper.token()
        return str(raised.value)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(failure)
        began.wait(10)
        others = [pool.submit(keeper.token) for _ in range(7)]
        goes_on.set()
        assert first.result() == "away"
        assert {type(one.exception()) for one in others} == {PortalUnavailable}
    before = next(fetches)
    assert failure() == "away"
    assert next(fetches) == before + 2


def test_a_refused_token_is_reported_once_however_many_hold_it():
    source = Source()
    refused = source.keeper.token()
    assert source.keeper.instead_of(refused, source.fetch).generation == 2
    assert source.keeper.instead_of(refused, source.fetch).generation == 2
    assert source.fetched == 2


def test_a_report_that_brings_nothing_leaves_the_token_as_it_is():
    source = Source()
    refused = source.keeper.token()
    assert source.keeper.instead_of(refused, lambda: None) is None
    assert source.keeper.token() is refused


def test_a_slow_answer_does_not_bring_back_an_older_token():
    source = Source()
    old = source.keeper.token()
    newer = source.keeper.instead_of(old, source.fetch)
    source.keeper._keep(old, until=10_000)
    assert source.keeper.token() is newer


def test_a_token_that_needs_reconsent_is_kept_no_longer():
    source = Source()
    refused = source.keeper.token()

    def say_no() -> Token:
        raise ReconsentRequired("no", reason="revoked")

    with pytest.raises(ReconsentRequired):
        source.keeper.instead_of(refused, say_no)
    assert source.keeper.kept() is None
