"""A day in the life of one-hour tokens: each is refreshed once, in time, and none is handed out after its end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask

from portal.services import tokens
from tests.crowd import HOUR, Crowd, grant_of, make_crowd
from tests.factories import NOON, World
from tests.fixtures.stub_provider import StubProvider

DAY = timedelta(days=1)
ASKED_EACH_TICK = 3
MOST_A_LIFE = 1.15


@dataclass(frozen=True)
class Size:
    connections: int
    tick: timedelta


SMALL = pytest.param(Size(6, timedelta(minutes=4)), id="small")
FULL = pytest.param(Size(1_000, timedelta(seconds=30)), marks=[pytest.mark.soak, pytest.mark.timeout(0)], id="full")


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.mark.parametrize("size", [SMALL, FULL])
def test_a_day_of_one_hour_tokens(world: World, stub: StubProvider, size: Size):
    crowd = Crowd(stub)
    connection_ids = make_crowd(world.ana, size.connections)
    now, ticks, expired = NOON, 0, 0
    while now < NOON + DAY:
        now, ticks = now + size.tick, ticks + 1
        for batch in tokens.claim_due_batches(now=now):
            tokens.refresh_batch(batch, now=now)
        for offset in range(ASKED_EACH_TICK):
            one = connection_ids[(ticks * ASKED_EACH_TICK + offset) % size.connections]
            fresh = tokens.fresh_access_token(world.ana.asker, one, now=now)
            expired += fresh.expires_at is None or fresh.expires_at <= now
    assert expired == 0
    assert set(crowd.asked.values()) == {1}, "no refresh token is shown twice"
    given = sum(grant_of(one).generation for one in connection_ids)
    assert crowd.calls <= MOST_A_LIFE * given, "refreshes for each token that was given"
    lives = DAY / (HOUR * 0.75) * size.connections  # a life is over when its refresh is due
    assert crowd.calls <= MOST_A_LIFE * lives
    assert crowd.calls >= DAY / HOUR * size.connections
