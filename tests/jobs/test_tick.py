"""Everything periodic at once, here and now."""

import subprocess
import sys
from datetime import timedelta

import pytest
from flask import Flask
from rq import Worker
from rq.executions import Execution
from rq.serializers import JSONSerializer

from jobs import tick
from jobs.timetable import TIMETABLE
from portal import clock
from portal.adapters import queue
from portal.extensions import redis
from portal.services import heartbeats
from tests.factories import World
from tests.mail_sink import Sink
from tests.outbox import make_reminded, set_policy

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("smtp")]  # before the portal that sends through it


def test_a_tick_does_everything_that_is_due_and_drains_the_queue(world: World, smtp: Sink, context: Flask) -> None:
    set_policy(world.acme, window_opens_minute=0, window_closes_minute=24 * 60)
    make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now())
    done = {line.name: line.outcome for line in tick.run()}
    assert set(done) == {entry.name for entry in TIMETABLE} | {"queue"}
    assert done["reminders"] == "1"
    assert {mail["To"].addresses[0].addr_spec: mail["X-Reconsent-Kind"] for mail in smtp.taken} == {
        world.ana.email: "reminder",
        world.chloe.email: "admin_digest",  # the first since the organization was made
    }
    assert heartbeats.seen(heartbeats.WORKER) is not None


def test_a_tick_says_what_nobody_ends(world: World, smtp: Sink, context: Flask) -> None:
    waiting = queue.queue_on(redis())
    job = waiting.create_job("jobs.tokens.tidy")
    job.save()
    with redis().pipeline() as pipeline:
        waiting.started_job_registry.add_execution(Execution.create(job, ttl=600, pipeline=pipeline), pipeline, ttl=600)
        pipeline.execute()
    *_, last = tick.run(patience_s=0.3)
    assert (last.outcome.partition(", ")[2], last.is_done) == ("1 left that nobody ends", False)


def test_a_tick_does_not_wait_for_a_worker_that_was_killed(world: World, smtp: Sink, context: Flask) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    waiting = queue.queue_on(redis())
    worker = Worker([waiting], connection=redis(), serializer=JSONSerializer)
    worker.pid = gone.pid
    worker.register_birth()
    job = waiting.create_job("jobs.tokens.tidy")
    job.worker_name = worker.name
    job.save()
    with redis().pipeline() as pipeline:
        execution = Execution.create(job, ttl=600, pipeline=pipeline)
        waiting.started_job_registry.add_execution(execution, pipeline, ttl=600)
        pipeline.execute()
    *_, last = tick.run(patience_s=600)
    assert last.is_done


def test_a_second_tick_finds_nothing_to_do(world: World, smtp: Sink, context: Flask) -> None:
    set_policy(world.acme, window_opens_minute=0, window_closes_minute=24 * 60)
    make_reminded(world.ana, ends_in=timedelta(days=9), now=clock.now())
    for _ in range(2):
        done = {line.name: line.outcome for line in tick.run()}
    assert (done["reminders"], done["batches of e-mails"], done["queue"]) == ("0", "0", "0 jobs")
    assert done["digests for admins"] == "0"
    assert len(smtp.taken) == 2
