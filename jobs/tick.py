"""Everything periodic at once, here and now: for operators, demos and tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep

from jobs.timetable import TIMETABLE
from portal.services import workers

OTHERS_MAY_TAKE_S = 180.0  # no job takes longer
LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Done:
    """One line of what a tick did."""

    name: str
    outcome: str
    is_done: bool = True


def run(*, patience_s: float = OTHERS_MAY_TAKE_S) -> Iterator[Done]:
    """Do every periodic job, then every job that waits in the queue, those that other workers are at included.

    What others are at is waited for until nothing has moved for `patience_s`.
    """
    for entry in TIMETABLE:
        outcome = entry.run()
        yield Done(entry.name, "done" if outcome is None else str(outcome))
    jobs, left = _drain(patience_s)
    yield Done("queue", f"{jobs} jobs, {left} left that nobody ends" if left else f"{jobs} jobs", is_done=not left)


def _drain(patience_s: float) -> tuple[int, int]:
    """How many jobs were done here, and how many are left.

    Drained is when nothing waits and nobody works: what others took from the queue may ring for more.
    """
    jobs, until, before = workers.drain(), monotonic() + patience_s, None
    while (left := workers.left()) and monotonic() < until:
        sleep(LOOK_EVERY_S)
        jobs += workers.drain()
        if (jobs, left) != before:
            until, before = monotonic() + patience_s, (jobs, left)
    return jobs, left
