"""Tidying up, and signs of life."""

from portal import clock
from portal.services import housekeeping, workers


def forget_old() -> int:
    """What nobody needs any more, a little at a time: the queue's other jobs have their turns in between."""
    turn = housekeeping.forget_old(now=clock.now())
    if turn.is_more:
        workers.ring("jobs.housekeeping.forget_old")
    return turn.rows


def note_worker() -> None:
    """A worker did this, so there is one."""
    workers.note_worker(clock.machine_now())
