"""A worker that is started while Redis is away says so and waits for it; one that Redis refuses ends at once."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from portal import clock
from portal.models.email import EmailKind
from portal.services import emails
from tests.factories import make_world
from tests.faults import redis_at_risk
from tests.faults.redis_at_risk import RedisAtRisk
from tests.jobs.processes import end, is_running, running
from tests.mail_sink import Sink
from tests.patience import eventually

STARTS_WITHIN_S = 60
AWAY = b"Redis cannot be reached"
GONE = b"could not connect to Redis"  # as the queue's library says it of a connection that broke


@pytest.fixture
def redis(environ: dict[str, str]) -> Iterator[RedisAtRisk]:
    """A Redis that the test ends and starts; the portal's, if asked for before `app`."""
    with redis_at_risk.running() as server:
        environ["PORTAL_REDIS_URL"] = server.url
        yield server


def ask_for_link(app: Flask) -> None:
    with app.app_context():
        world = make_world(now=clock.now())
        emails.queue(world.acme, world.ana.id, EmailKind.SIGN_IN, now=clock.now())


def test_a_worker_started_before_redis_says_so_and_works_once_it_is_there(
    redis: RedisAtRisk, smtp: Sink, environ: dict[str, str], app: Flask, tmp_path: Path
) -> None:
    redis.kill()
    with (tmp_path / "log").open("wb") as log, running(environ, "worker", log=log) as worker:
        assert eventually(lambda: AWAY in (tmp_path / "log").read_bytes(), within_s=STARTS_WITHIN_S)
        assert worker.poll() is None
        redis.start()
        ask_for_link(app)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
        assert end(worker) == 0
    assert (tmp_path / "log").read_bytes().count(AWAY) == 1, "once an outage, not once a second"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_told_to_end_while_redis_is_away_ends_cleanly(
    redis: RedisAtRisk, environ: dict[str, str], tmp_path: Path, how: signal.Signals
) -> None:
    redis.kill()
    with (tmp_path / "log").open("wb") as log, running(environ, "worker", log=log) as worker:
        assert eventually(lambda: AWAY in (tmp_path / "log").read_bytes(), within_s=STARTS_WITHIN_S)
        assert end(worker, how) == 0
    assert b"Traceback" not in (tmp_path / "log").read_bytes()


def heard_of_it(log: Path) -> bool:
    """Whether it waited for work just then, or was still ending the job."""
    return any(words in log.read_bytes() for words in (GONE, AWAY))


def test_a_worker_whose_redis_has_gone_ends_cleanly_too(
    redis: RedisAtRisk, smtp: Sink, environ: dict[str, str], app: Flask, tmp_path: Path
) -> None:
    with (tmp_path / "log").open("wb") as log, running(environ, "worker", log=log) as worker:
        ask_for_link(app)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
        redis.kill()
        assert eventually(lambda: heard_of_it(tmp_path / "log"), within_s=STARTS_WITHIN_S)
        assert is_running(worker.pid)
        assert end(worker) == 0


def refuse_strangers(client: Redis) -> Callable[[str], str]:
    client.config_set("requirepass", "right")
    return lambda url: url.replace("unix://", "unix://:hidden-pw@")


def have_few_databases(_client: Redis) -> Callable[[str], str]:
    return lambda url: url.replace("db=0", "db=9999")


@pytest.mark.parametrize(
    ("refuse", "why"),
    [(refuse_strangers, b"wrong user or password"), (have_few_databases, b"no database of that number")],
)
def test_a_worker_that_redis_refuses_ends_at_once_and_names_the_setting(
    redis: RedisAtRisk,
    environ: dict[str, str],
    tmp_path: Path,
    refuse: Callable[[Redis], Callable[[str], str]],
    why: bytes,
) -> None:
    with ExitStack() as until_end:
        client = redis.client()
        until_end.callback(client.close)
        environ["PORTAL_REDIS_URL"] = refuse(client)(redis.url)
        log = until_end.enter_context((tmp_path / "log").open("wb"))
        worker = until_end.enter_context(running(environ, "worker", log=log))
        assert worker.wait(STARTS_WITHIN_S) == 1
    said = (tmp_path / "log").read_bytes()
    assert (b"PORTAL_REDIS_URL" in said, why in said, b"hidden-pw" in said, len(said.splitlines())) == (
        True,
        True,
        False,
        1,
    )


def test_several_processes_that_redis_refuses_all_end_and_so_does_who_keeps_them(
    redis: RedisAtRisk, environ: dict[str, str], tmp_path: Path
) -> None:
    with redis.client() as client:
        environ["PORTAL_REDIS_URL"] = refuse_strangers(client)(redis.url)
        with (tmp_path / "log").open("wb") as log, running(environ, "worker", "--processes", "2", log=log) as worker:
            assert eventually(lambda: worker.poll() is not None, within_s=STARTS_WITHIN_S)
            assert worker.returncode == 1
    assert b"PORTAL_REDIS_URL" in (tmp_path / "log").read_bytes()
