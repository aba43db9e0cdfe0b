"""How fast the background asks each provider, and that one in trouble never holds up the others."""

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Response

from portal.providers.catalog import read_file
from portal.services import pacing, tokens
from tests.crowd import Crowd, change_file, grant_of, in_json, make_crowd
from tests.factories import NOON, World
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
DUE = NOON + timedelta(minutes=50)
ROTATING = 'rotation = "rotating"'


@pytest.fixture
def changes() -> Mapping[str, str]:
    """What a test changes in the stub's file."""
    return {}


@pytest.fixture(autouse=True)
def portal(
    stub: StubProvider, environ: dict[str, str], changes: Mapping[str, str], request: pytest.FixtureRequest
) -> Iterator[Flask]:
    for old, new in changes.items():
        change_file(environ, old, new)
    add_other(environ)
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        yield app


@pytest.fixture
def crowd(portal: Flask, stub: StubProvider) -> Crowd:
    return Crowd(stub)


def too_many(retry_after_s: int) -> Response:
    response = in_json(429, error="slow_down")
    response.headers["Retry-After"] = str(retry_after_s)
    return response


def test_a_limit_puts_off_everybody_who_is_due_at_that_provider(world: World, crowd: Crowd):
    connection_ids = make_crowd(world.ana, 60)
    crowd.trouble = lambda _number: too_many(120)
    tokens.refresh_batch(connection_ids, now=DUE)
    assert crowd.calls <= 2 * tokens.WIDTH  # those that were on their way already
    due = [grant_of(one).refresh_due_at for one in connection_ids]
    assert min(due) >= DUE + 120 * SECOND
    assert len({moment.replace(microsecond=0) for moment in due}) > 10  # spread out
    calls = crowd.calls
    tokens.refresh_batch(connection_ids, now=DUE + MINUTE)
    assert crowd.calls == calls
    crowd.trouble = lambda _number: None
    assert tokens.refresh_batch(connection_ids, now=DUE + 3 * MINUTE) == 60


def test_a_limit_of_a_whole_day_is_one_connections_and_not_everybodys(world: World, crowd: Crowd):
    one, other = make_crowd(world.ana, 2)
    crowd.trouble = lambda number: too_many(86_400) if number == 0 else None
    tokens.refresh_batch([one], now=DUE)
    assert grant_of(one).refresh_due_at >= DUE + timedelta(days=1)
    later = DUE + pacing.REST_LONGEST + SECOND
    assert tokens.refresh_batch([other], now=later) == 1


@pytest.mark.parametrize("changes", [{ROTATING: f"{ROTATING}\nconcurrency = 3"}], ids=["three at a time"])
def test_no_more_are_asked_about_at_a_time_than_the_file_allows(world: World, crowd: Crowd, stub: StubProvider):
    at_work, most, lock = [0], [0], threading.Lock()
    answered = crowd.answer

    def counted(token: str) -> Response:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(0.02)
        with lock:
            at_work[0] -= 1
        return answered(token)

    stub.answering = counted
    assert tokens.refresh_batch(make_crowd(world.ana, 12), now=DUE) == 12
    assert most[0] <= 3


@pytest.mark.parametrize("changes", [{ROTATING: f"{ROTATING}\nper_minute = 60"}], ids=["sixty a minute"])
def test_no_more_are_begun_with_in_a_minute_than_the_file_allows(world: World, crowd: Crowd):
    connection_ids = make_crowd(world.ana, 50)
    now, by_minute = DUE, []
    for _ in range(8):
        calls = crowd.calls
        for _ in range(2):
            for batch in tokens.claim_due_batches(now=now):
                tokens.refresh_batch(batch, now=now)
            now += 30 * SECOND
        by_minute.append(crowd.calls - calls)
    assert sum(by_minute) == 50
    assert max(by_minute) <= 60
    assert by_minute[0] < 50  # the slots beyond the batch's own time were kept for later
    assert set(crowd.asked.values()) == {1}
    assert [grant_of(one).generation for one in connection_ids] == [2] * 50


def test_a_batch_in_which_the_provider_fails_gives_back_the_rest_spread_out(world: World, crowd: Crowd):
    connection_ids = make_crowd(world.ana, 60)
    crowd.trouble = lambda _number: "down"
    for batch in tokens.claim_due_batches(now=DUE):
        tokens.refresh_batch(batch, now=DUE)
    rest = [one for one in connection_ids if grant_of(one).failures == 0]
    due = [grant_of(one).refresh_due_at for one in rest]
    assert len(rest) >= 60 - 2 * tokens.WIDTH
    assert all(DUE + MINUTE <= moment <= DUE + 2 * MINUTE + SECOND * 10 for moment in due)


def test_a_batch_that_takes_too_long_gives_back_what_it_has_not_begun(world: World, crowd: Crowd):
    connection_ids = make_crowd(world.ana, 3)
    batch = pacing.Batch(connection_ids, "stub", now=DUE)
    batch._began -= pacing.BUDGET.total_seconds()
    assert [batch.may_begin(one) for one in connection_ids] == [False] * 3
    batch.end()
    due = [grant_of(one).refresh_due_at for one in connection_ids]
    assert all(DUE + pacing.BUDGET <= moment <= DUE + pacing.BUDGET + pacing.SPREAD + SECOND for moment in due)


def test_a_batch_gives_back_nothing_that_another_has_refreshed_meanwhile(world: World, crowd: Crowd):
    connection_ids = make_crowd(world.ana, 3)
    late = pacing.Batch(connection_ids, "stub", now=DUE)
    assert tokens.refresh_batch(connection_ids[:2], now=DUE) == 2
    due = [grant_of(one).refresh_due_at for one in connection_ids]
    late._began -= pacing.BUDGET.total_seconds()
    assert [late.may_begin(one) for one in connection_ids] == [False] * 3
    late.end()
    assert [grant_of(one).refresh_due_at for one in connection_ids[:2]] == due[:2]
    assert grant_of(connection_ids[2]).refresh_due_at > DUE


@pytest.mark.parametrize("line", ["concurrency = 0", "per_minute = -1"])
def test_a_pace_that_makes_no_sense_is_refused(environ: dict[str, str], portal: Flask, line: str):
    path = Path(environ["PORTAL_PROVIDERS_DIR"]) / "stub.toml"
    change_file(environ, ROTATING, f"{ROTATING}\n{line}")
    assert line.split(maxsplit=1)[0] in str(read_file(path))


HANGS_S = 4.0  # longer than a call may take at a provider whose grace is six seconds


@pytest.mark.slow
@pytest.mark.parametrize("grace_s", [6])
def test_a_provider_that_hangs_leaves_the_others_on_time(
    world: World, crowd: Crowd, stub: StubProvider, other: list[UUID]
):
    """One worker that takes the sick provider's batches first, two hundred connections of them."""
    stub.delay_s = HANGS_S
    sick = make_crowd(world.ana, 200)
    began = time.monotonic()
    for first in range(0, len(sick), tokens.BATCH):
        tokens.refresh_batch(sick[first : first + tokens.BATCH], now=DUE)
    stub.delay_s = 0.0
    assert time.monotonic() - began < 10
    assert tokens.refresh_batch(other, now=DUE) == len(other)


def add_other(environ: dict[str, str]) -> None:
    """A second provider beside the stub, which answers the same."""
    folder = Path(environ["PORTAL_PROVIDERS_DIR"])
    text = (folder / "stub.toml").read_text(encoding="utf-8")
    (folder / "other.toml").write_text(text.replace('"stub"', '"other"'), encoding="utf-8")
    environ["PORTAL_PROVIDER_OTHER_CLIENT_ID"] = "portal"
    environ["PORTAL_PROVIDER_OTHER_CLIENT_SECRET"] = "other-secret"


@pytest.fixture
def other(portal: Flask, world: World) -> list[UUID]:
    """Ten connections at the other provider."""
    return make_crowd(world.ben, 10, provider_id="other", first=1_000)
