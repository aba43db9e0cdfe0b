"""The worker: does what the queue rings for, waits for a Redis that is away, and outlives every restart of it."""

import signal
import sys
from threading import Event
from types import FrameType

import structlog
from flask import Flask

from portal.services import workers

PAUSE_S = 1.0
SWITCH_EVERY_S = 0.002  # the thread that has written for all of a batch shall not wait for those that compute

log = structlog.get_logger(__name__)


def run(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; the job at hand is finished first.

    Raises QueueGone where Redis refuses us: a wrong password, or a database it does not have.
    """
    sys.setswitchinterval(SWITCH_EVERY_S)
    stop = _told_to_end()
    with app.app_context():
        while not stop.is_set():
            if workers.is_queue_there():
                workers.work(stop)
            else:
                _wait_for_queue(stop)


def _told_to_end() -> Event:
    """Set by the signals that arrive while no job and no Redis is waited for; the rest are the queue's to take."""
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return stop


def _wait_for_queue(stop: Event) -> None:
    """Said once an outage, however long it lasts; nothing is lost meanwhile, for what is due stands in the database."""
    log.warning("Redis cannot be reached; waiting for it")
    while not stop.wait(PAUSE_S):
        workers.revive_queue()
        if workers.is_queue_there():
            log.warning("Redis is back")
            return
