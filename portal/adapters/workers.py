"""RQ's worker, set up so that a killed one is noticed within seconds and nothing secret stays behind in Redis."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType
from typing import Any

from flask import Flask, current_app
from redis import Redis, RedisError
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from portal.adapters import queue

WORKER_TTL_S = 30  # how long an idle worker waits for a bell before it looks around (half of it), and is believed alive
MAINTENANCE_EVERY_S = 30
LONGEST_PAUSE_S = 5.0
TELL_TO_END = (signal.SIGINT, signal.SIGTERM)


class PortalWorker(SimpleWorker):
    """Works in its own process: a fork a job costs more than an e-mail. Each job has its own application context."""

    log_result_lifespan = False
    max_connection_wait_time = LONGEST_PAUSE_S  # RQ's minute would be added to every outage

    def __init__(self, app: Flask, own: Redis, stop: Event | None = None) -> None:
        """`stop` is set when it is told to end; without one it takes no signals."""
        super().__init__(
            [queue.queue_on(own)],
            connection=own,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=MAINTENANCE_EVERY_S,
            log_job_description=False,
        )
        self._app = app
        self._stop = stop
        self.jobs_done = 0

    def perform_job(self, job: Job, queue: Queue) -> bool:
        with self._app.app_context():
            done: bool = super().perform_job(job, queue)
        self.jobs_done += 1
        return done

    def handle_job_failure(
        self, job: Job, queue: Queue, started_job_registry: Any = None, exc_string: str = ""
    ) -> None:
        """The log has the whole story, masked; Redis gets its last line's kind alone."""
        kind = exc_string.strip().rpartition("\n")[2].partition(":")[0]
        super().handle_job_failure(job, queue, started_job_registry, exc_string=kind)

    def subscribe(self) -> None:
        """Commands through Redis are not taken: whoever writes into Redis must not be able to stop workers."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed to."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        if self._stop is not None:
            self._stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def _install_signal_handlers(self) -> None:
        if self._stop is not None:
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]
            self._stop_requested = self._stop.is_set()  # told while it was getting ready


def work(stop: Event) -> None:
    """Work until told to end by a signal, which sets `stop`, or until Redis has gone away."""
    with queue.connection() as own, suppress(RedisError, StopRequested), _handlers_given_back():
        PortalWorker(_app(), own, stop).work(logging_level="WARNING")


def drain() -> int:
    """Do every job that waits now, and those they bring about; returns how many."""
    with queue.connection() as own:
        worker = PortalWorker(_app(), own)
        worker.work(burst=True, logging_level="WARNING")
        return worker.jobs_done


@contextmanager
def _handlers_given_back() -> Iterator[None]:
    """RQ's own outlive its worker, and would end a process that waits for Redis with an error."""
    before = [(number, signal.getsignal(number)) for number in TELL_TO_END]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own name
    return app
