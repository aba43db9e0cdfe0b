from datetime import timedelta

from flask import Flask

from portal import clock
from tests.cli.conftest import Run
from tests.factories import World
from tests.outbox import make_reminded, set_policy


def test_a_tick_says_what_it_did_line_by_line(run: Run, app: Flask, world: World) -> None:
    with app.app_context():
        set_policy(world.acme, window_opens_minute=0, window_closes_minute=24 * 60)
        make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now())
    ticked = run("tick")
    assert ticked.code == 0
    assert {"reminders: 1", "batches of e-mails: 1", "queue: 1 jobs"} <= set(ticked.lines)


def test_without_redis_a_tick_fails_with_one_line(run: Run, app: Flask) -> None:
    ticked = run("tick", PORTAL_REDIS_URL="unix:///tmp/there-is-no-redis-here.sock")
    assert ticked.code == 1
    assert len(ticked.err.strip().splitlines()[-1:]) == 1
    assert "PORTAL_REDIS_URL" in ticked.err
