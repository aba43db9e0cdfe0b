"""Workers as processes: they do what is rung for, outlive Redis, and end cleanly."""

import os
import signal
import zlib
from collections.abc import Callable
from datetime import timedelta
from threading import Event

import pytest
from flask import Flask
from redis import Redis
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from portal import clock
from portal.adapters import queue
from portal.models.email import EmailKind, EmailStatus
from portal.services import emails, workers
from tests import servers
from tests.factories import World
from tests.jobs.processes import children, end, is_running, running
from tests.mail_sink import Sink
from tests.outbox import make_reminded, outbox
from tests.patience import eventually

STARTS_WITHIN_S = 60
pytestmark = pytest.mark.usefixtures("smtp")  # before the portal that sends through it


def ask_for_link(world: World) -> int:
    return emails.queue(world.acme, world.ana.id, EmailKind.SIGN_IN, now=clock.now())


def statuses() -> list[EmailStatus]:
    return [row.status for row in outbox()]


def test_a_worker_delivers_what_is_rung_for_and_ends_cleanly(
    environ: dict[str, str], world: World, smtp: Sink, context: Flask
) -> None:
    with running(environ, "worker") as worker:
        ask_for_link(world)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
        assert eventually(lambda: statuses() == [EmailStatus.SENT])
        assert end(worker) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_several_processes_end_together_when_told_to(
    environ: dict[str, str], world: World, smtp: Sink, context: Flask, how: signal.Signals
) -> None:
    with running(environ, "worker", "--processes", "2") as supervisor:
        assert eventually(lambda: len(children(supervisor.pid)) == 2)
        ask_for_link(world)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
        pids = children(supervisor.pid)
        assert end(supervisor, how) == 0
    assert not any(is_running(pid) for pid in pids)


def test_a_process_that_dies_is_replaced(environ: dict[str, str], world: World, smtp: Sink, context: Flask) -> None:
    with running(environ, "worker", "--processes", "2") as supervisor:
        assert eventually(lambda: len(children(supervisor.pid)) == 2)
        before = children(supervisor.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: len(set(children(supervisor.pid)) - set(before)) == 2)
        ask_for_link(world)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)


def test_workers_do_not_outlive_a_supervisor_that_was_killed(
    environ: dict[str, str], world: World, smtp: Sink, context: Flask
) -> None:
    with running(environ, "worker", "--processes", "2") as supervisor:
        assert eventually(lambda: len(children(supervisor.pid)) == 2)
        ask_for_link(world)
        assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
        pids = children(supervisor.pid)
        supervisor.kill()
        supervisor.wait()
        assert eventually(lambda: not any(is_running(pid) for pid in pids), within_s=STARTS_WITHIN_S)


def test_a_worker_outlives_its_redis(
    environ: dict[str, str], smtp: Sink, make_app: Callable[[dict[str, str]], Flask]
) -> None:
    with servers.redis() as first:
        environ["PORTAL_REDIS_URL"] = first
        app = make_app(environ)
        with app.app_context(), running(environ, "worker") as worker:
            from tests.factories import make_world

            world = make_world(now=clock.now())
            ask_for_link(world)
            assert eventually(lambda: smtp.taken, within_s=STARTS_WITHIN_S)
            with Redis.from_url(first) as client:
                client.client_kill_filter(_type="normal", skipme=True)
            ask_for_link(world)
            assert eventually(lambda: len(smtp.taken) == 2, within_s=STARTS_WITHIN_S)
            assert worker.poll() is None


def test_a_worker_told_to_end_while_it_gets_ready_takes_no_job(world: World, smtp: Sink, context: Flask) -> None:
    stop, handlers = Event(), [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    stop.set()
    ask_for_link(world)
    workers.work(stop)
    assert smtp.taken == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_nothing_in_redis_tells_whom_or_where(world: World, smtp: Sink, context: Flask, redis_url: str) -> None:
    make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now())
    ask_for_link(world)
    with Redis.from_url(redis_url) as client:
        jobs = [client.hgetall(key) for key in client.scan_iter("rq:job:*")]
    stored = b" ".join(zlib.decompress(job.pop(b"data")) + b" ".join(job.values()) for job in jobs)
    assert b"jobs.emails.deliver" in stored
    assert world.ana.email.encode() not in stored
    assert b"login/" not in stored


def test_a_job_that_fails_leaves_no_words_behind(world: World, context: Flask, redis_url: str) -> None:
    workers.ring("jobs.named_after_a_secret.deliver")
    workers.drain()
    with Redis.from_url(redis_url) as client:
        (failed,) = FailedJobRegistry(queue.NAME, connection=client).get_job_ids()
        result = Job.fetch(failed, connection=client, serializer=JSONSerializer).latest_result()
    assert result is not None
    assert result.exc_string == "ValueError"
