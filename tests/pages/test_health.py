"""What monitoring asks."""

from datetime import timedelta

from flask import Flask

from portal import clock
from portal.db import db
from portal.services import heartbeats
from tests.factories import World
from tests.outbox import make_reminded
from tests.pages.absent_database import database_away


def test_alive_asks_nobody_else(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_ready_once_the_scheduler_was_seen_lately(app: Flask) -> None:
    with app.app_context():
        heartbeats.beat(heartbeats.SCHEDULER, clock.machine_now())
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json == {"status": "ready", "checks": {"database": "ok", "queue": "ok", "scheduler": "ok"}}


def test_readiness_waits_for_nobody_who_writes(app: Flask) -> None:
    with app.app_context(), db.engine.begin():  # on SQLite it has the file to itself
        answer = app.test_client().get("/readyz")
    assert answer.json is not None
    assert answer.json["checks"]["database"] == "ok"


def test_not_ready_without_a_scheduler_and_it_says_so(app: Flask) -> None:
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert "portal scheduler" in answer.json["checks"]["scheduler"]


def test_not_ready_when_the_scheduler_has_fallen_silent(app: Flask) -> None:
    with app.app_context():
        heartbeats.beat(heartbeats.SCHEDULER, clock.machine_now() - timedelta(minutes=5))
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["scheduler"].startswith("it was last seen 30")


def test_not_ready_without_redis(environ: dict[str, str], app: Flask) -> None:
    app.extensions["reconsent"].redis.connection_pool.disconnect()
    app.extensions["reconsent"].redis.connection_pool.connection_kwargs["path"] = "/tmp/there-is-no-redis-here.sock"
    answer = app.test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["queue"] == "Redis does not answer"


def test_a_moved_demo_clock_makes_nobody_look_dead(environ: dict[str, str], app: Flask) -> None:
    with app.app_context():
        heartbeats.beat(heartbeats.SCHEDULER, clock.machine_now())
        path = app.extensions["reconsent"].config.clock_path
    clock.move(path, timedelta(days=14))
    assert app.test_client().get("/readyz").status_code == 200


def test_metrics_count_what_waits(app: Flask, world: World) -> None:
    with app.app_context():
        make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now() - timedelta(days=1))
        heartbeats.beat(heartbeats.WORKER, clock.machine_now())
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    lines = answer.text.splitlines()
    assert 'reconsent_connections{state="active"} 1.0' in lines
    assert "reconsent_emails_waiting 0.0" in lines
    assert "reconsent_queue_jobs 0.0" in lines
    assert any(line.startswith('reconsent_silent_seconds{part="worker"}') for line in lines)


def test_a_database_out_of_reach_is_told_to_collectors_in_plain_text(app: Flask) -> None:
    with database_away(app):
        answer = app.test_client().get("/metrics")
    assert (answer.status_code, answer.mimetype) == (503, "text/plain")
    assert (
        answer.text
        == "The database cannot be used (OperationalError). Check PORTAL_DATABASE_URL, or run `portal doctor`.\n"
    )
    assert int(answer.headers["Retry-After"]) > 0


def test_monitoring_learns_nothing_about_people(app: Flask, world: World) -> None:
    with app.app_context():
        make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now())
    told = "".join(app.test_client().get(path).text for path in ("/healthz", "/readyz", "/metrics"))
    assert "acme" not in told.lower()
    assert "ana" not in told.lower().replace("analy", "")
