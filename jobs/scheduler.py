"""The ticker: rings for every line of the timetable when its time has come. Any number may run; each tick happens once.

It works on the portal's clock, so that a demo's moved clock makes due work happen at once, and tells by the machine's
own that it is alive.
"""

from collections.abc import Callable
from datetime import datetime
from threading import Event

import structlog
from flask import Flask

from jobs.timetable import TIMETABLE, Entry
from portal import clock
from portal.services import workers

TURN_S = 1.0
BEAT_EVERY_TURNS = 5

log = structlog.get_logger(__name__)


def run(app: Flask, stop: Event) -> None:
    """Tick once a second until told to stop, whatever Redis and the database are doing meanwhile."""
    ticker, turns = Ticker(), 0
    while not stop.is_set():
        with app.app_context():
            if turns % BEAT_EVERY_TURNS == 0:
                _whatever_happens(_beat)
            _whatever_happens(lambda: ticker.turn(clock.now()))
        turns += 1
        stop.wait(TURN_S)


class Ticker:
    """Remembers what it has rung for; that others ring too does not matter."""

    def __init__(self) -> None:
        self._rung: dict[str, int] = {}

    def turn(self, now: datetime) -> None:
        """Ring for everything whose stretch of time has begun."""
        if not all(self._ring(entry, entry.stretch(now)) for entry in TIMETABLE):
            workers.revive_queue()

    def _ring(self, entry: Entry, stretch: int) -> bool:
        if self._rung.get(entry.name) == stretch:
            return True
        is_heard = workers.ring_tick(stretch, entry.job, every=entry.every)
        if is_heard:
            self._rung[entry.name] = stretch
        return is_heard


def _beat() -> None:
    workers.note_scheduler(clock.machine_now())


def _whatever_happens(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:  # the one place: a ticker that ends because the database restarts would help nobody
        log.exception("a turn of the scheduler failed")
