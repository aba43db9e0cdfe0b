"""The workers as entry points see them: working, draining the queue, and the ticks that keep periodic work going."""

from datetime import datetime, timedelta
from threading import Event

from portal.adapters import queue, workers
from portal.services import heartbeats

REMEMBERED_AFTER = timedelta(minutes=1)  # how far two schedulers' clocks may differ without a tick happening twice


def work(stop: Event) -> None:
    """Work on the queue until told to end by a signal, which sets `stop`, or until Redis has gone away."""
    workers.work(stop)


def is_queue_there() -> bool:
    """Whether Redis answers; raises QueueGone where it answers and refuses us, so that no waiting helps."""
    return queue.is_within_reach()


def drain() -> int:
    """Do every job that waits, and those they bring about; returns how many. Raises QueueGone without Redis."""
    return workers.drain()


def left() -> int:
    """How many jobs wait or are being worked on; raises QueueGone without Redis."""
    return queue.length() + queue.running()


def ring(job: str, *args: object, at_front: bool = False) -> bool:
    """Have this job done soon; False without Redis."""
    return queue.ring(job, *args, at_front=at_front)


def ring_tick(stretch: int, job: str, *, every: timedelta) -> bool:
    """Have this periodic job done once in that stretch of time, whoever else asks; False without Redis.

    Before whatever waits: a campaign's e-mails may take minutes, and tokens that are due shall not stand behind them.
    """
    job_id = f"tick-{job.replace('.', '-')}-{stretch}"
    return queue.ring_once(job_id, job, remember=every + REMEMBERED_AFTER, at_front=True)


def revive_queue() -> None:
    """Start the portal's own Redis again where it has ended."""
    queue.revive()


def note_scheduler(machine_now: datetime) -> None:
    """The scheduler is at work."""
    heartbeats.beat(heartbeats.SCHEDULER, machine_now)


def note_worker(machine_now: datetime) -> None:
    """A worker is at work."""
    heartbeats.beat(heartbeats.WORKER, machine_now)
