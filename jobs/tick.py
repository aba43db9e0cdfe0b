"""Everything periodic at once, here and now: for operators, demos and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep

from jobs.timetable import TIMETABLE
from portal.services import workers

OTHERS_MAY_TAKE_S = 60.0
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Done:
    """One line of what a tick did."""

    name: str
    outcome: str


def run() -> Iterator[Done]:
    """Do every periodic job, then every job that waits in the queue, those that other workers are at included."""
    for entry in TIMETABLE:
        outcome = entry.run()
        yield Done(entry.name, "done" if outcome is None else str(outcome))
    yield Done("queue", f"{_drain()} jobs")


def _drain() -> int:
    """Drained is when nothing waits and nobody works: what others took from the queue may ring for more."""
    until = monotonic() + OTHERS_MAY_TAKE_S
    jobs = workers.drain()
    while not workers.is_drained() and monotonic() < until:
        sleep(LOOK_EVERY_S)
        jobs += workers.drain()
    return jobs
