"""The ticker: whoever ticks, and however often, each job is done once in each stretch of its time."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import pytest
from flask import Flask
from redis import Redis

from jobs import scheduler
from jobs.scheduler import Ticker
from jobs.timetable import TIMETABLE, Entry
from portal import clock
from portal.adapters import queue
from portal.extensions import redis
from portal.services import heartbeats, workers
from tests.jobs.processes import end, running
from tests.patience import eventually

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVERY_FIVE_SECONDS = [entry for entry in TIMETABLE if entry.every == timedelta(seconds=5)]


@pytest.mark.parametrize("entry", TIMETABLE, ids=lambda entry: entry.name)
def test_every_line_of_the_timetable_names_a_job_there_is(entry: Entry) -> None:
    module, _, function = entry.job.rpartition(".")
    assert callable(getattr(import_module(module), function))


def test_names_in_the_timetable_are_told_apart() -> None:
    assert len({entry.name for entry in TIMETABLE}) == len(TIMETABLE)


def test_any_number_of_tickers_ring_once_for_each_stretch(context: Flask) -> None:
    for ticker in [Ticker() for _ in range(5)]:
        ticker.turn(NOON)
        ticker.turn(NOON + timedelta(seconds=4))
    assert queue.length() == len(TIMETABLE)
    ticker.turn(NOON + timedelta(seconds=5))
    assert queue.length() == len(TIMETABLE) + len(EVERY_FIVE_SECONDS)


def test_a_tick_is_not_repeated_after_it_was_done(context: Flask) -> None:
    entry = TIMETABLE[0]
    for _ in range(3):
        assert workers.ring_tick(entry.stretch(NOON), entry.job, every=entry.every)
        workers.drain()
    assert workers.ring_tick(entry.stretch(NOON + entry.every), entry.job, every=entry.every)
    assert queue.length() == 1


def test_a_tick_does_not_stand_behind_a_campaign(context: Flask) -> None:
    for _ in range(3):
        workers.ring("jobs.emails.deliver", [])
    entry = TIMETABLE[0]
    workers.ring_tick(entry.stretch(NOON), entry.job, every=entry.every)
    assert next(job.func_name for job in queue.queue_on(redis()).jobs) == entry.job


def test_a_wiped_redis_is_rung_again_at_the_next_stretch(context: Flask, redis_url: str) -> None:
    Ticker().turn(NOON)
    with Redis.from_url(redis_url) as client:
        client.flushall()
    for entry in TIMETABLE:
        workers.ring_tick(entry.stretch(NOON + entry.every), entry.job, every=entry.every)
    assert queue.length() == len(TIMETABLE)


def test_without_redis_a_turn_fails_at_nothing_and_rings_later(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask], redis_url: str
) -> None:
    ticker = Ticker()
    with make_app(environ | {"PORTAL_REDIS_URL": "unix:///tmp/there-is-no-redis-here.sock"}).app_context():
        ticker.turn(NOON)
    with make_app(environ).app_context():
        ticker.turn(NOON)
        assert queue.length() == len(TIMETABLE)


def test_an_outage_of_redis_is_told_once_a_minute_and_so_is_its_end(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, told = iter([0.0, 1.0, 59.0, 60.0, 60.0]), list[str]()
    monkeypatch.setattr(queue, "log", SimpleNamespace(warning=lambda event, **_facts: told.append(event)))
    monkeypatch.setattr(queue, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(queue, "_outage", queue._Outage())
    away, here = make_app(environ | {"PORTAL_REDIS_URL": "unix:///tmp/there-is-no-redis-here.sock"}), make_app(environ)
    with away.app_context():
        assert not any(queue.ring("jobs.tick.beat") for _ in range(4))
    with here.app_context():
        assert all(queue.ring("jobs.tick.beat") for _ in range(2))
    assert told == [
        "the queue cannot be reached",
        "the queue cannot be reached",
        "the queue can be reached again",
    ]


def test_the_scheduler_says_that_it_is_alive_by_the_machines_own_time(app: Flask) -> None:
    with app.app_context():
        assert heartbeats.seen(heartbeats.SCHEDULER) is None
    scheduler.run(app, _set_after_one_turn(app))
    with app.app_context():
        seen = heartbeats.seen(heartbeats.SCHEDULER)
    assert seen is not None
    assert abs(clock.machine_now() - seen) < timedelta(seconds=30)


def _set_after_one_turn(app: Flask) -> Event:
    class OneTurn(Event):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return True

    return OneTurn()


TOLD_WHILE_IT_STARTS = """
import os, signal
from portal.cli import scheduler
load = scheduler.portal
def told_meanwhile():
    os.kill(os.getpid(), signal.SIGTERM)
    return load()
scheduler.portal = told_meanwhile
scheduler.command()
"""


def test_told_to_end_while_it_still_starts_it_ends_cleanly(environ: dict[str, str], app: Flask) -> None:
    command = [sys.executable, "-c", TOLD_WHILE_IT_STARTS]
    ended = subprocess.run(command, check=False, env={**os.environ, **environ}, cwd=ROOT, timeout=60)
    assert ended.returncode == 0


def test_the_process_ticks_until_it_is_told_to_end(environ: dict[str, str], context: Flask) -> None:
    with running(environ, "scheduler") as process:
        assert eventually(lambda: queue.length() >= len(TIMETABLE), within_s=60)  # more where a stretch ends meanwhile
        assert end(process) == 0
    assert heartbeats.seen(heartbeats.SCHEDULER) is not None
