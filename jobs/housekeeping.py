"""Tidying up, and signs of life."""

from portal import clock
from portal.services import housekeeping, workers


def forget_old() -> int:
    """What nobody needs any more."""
    return housekeeping.forget_old(now=clock.now())


def note_worker() -> None:
    """A worker did this, so there is one."""
    workers.note_worker(clock.machine_now())
