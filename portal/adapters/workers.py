"""RQ's worker, set up so that a killed one is noticed within seconds and nothing secret stays behind in Redis."""

from contextlib import suppress
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


class PortalWorker(SimpleWorker):
    """Works in its own process: a fork a job costs more than an e-mail. Each job has its own application context."""

    log_result_lifespan = False

    def __init__(self, app: Flask, own: Redis, *, takes_signals: bool) -> None:
        super().__init__(
            [queue.queue_on(own)],
            connection=own,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_S,
            maintenance_interval=MAINTENANCE_EVERY_S,
            log_job_description=False,
        )
        self._app = app
        self._takes_signals = takes_signals
        self.jobs_done = 0

    @property
    def was_told_to_stop(self) -> bool:
        return self._shutdown_requested_date is not None

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

    def _install_signal_handlers(self) -> None:
        if self._takes_signals:
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]


def work() -> bool:
    """Work until told to stop (True), or until Redis has gone away (False)."""
    with queue.connection() as own:
        worker = PortalWorker(_app(), own, takes_signals=True)
        with suppress(RedisError, StopRequested):  # Redis has ended, or it was told to stop while waiting for Redis
            worker.work(logging_level="WARNING")
        return worker.was_told_to_stop


def drain() -> int:
    """Do every job that waits now, and those they bring about; returns how many."""
    with queue.connection() as own:
        worker = PortalWorker(_app(), own, takes_signals=False)
        worker.work(burst=True, logging_level="WARNING")
        return worker.jobs_done


def _app() -> Flask:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - werkzeug's own name
    return app
