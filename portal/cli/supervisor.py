"""Keeps a number of like processes running: starts another for each that dies, and ends them all when told to.

One that ends with 1 right after its start was refused by something that would refuse the next one too: then all end.
"""

import signal
import subprocess
from collections.abc import Sequence
from threading import Event
from time import monotonic
from types import FrameType

import structlog

LOOK_EVERY_S = 0.2
START_AGAIN_AFTER_S = 1.0  # so that one that cannot start does not take the whole machine
STARTING_TAKES_AT_MOST_S = 60.0
ENDING_TAKES_AT_MOST_S = 60.0
REFUSED = 1

log = structlog.get_logger(__name__)


class Child:
    """One process and those that came before it in its place."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0

    def keep_running(self) -> bool:
        """Start it if it does not run, unless that was tried a moment ago; False where it is of no use."""
        status = None if self._process is None else self._process.poll()
        if self._process is not None and status is not None:
            log.warning("a worker process ended", pid=self._process.pid, status=status)
            self._process = None
            if status == REFUSED and monotonic() - self._started_at < STARTING_TAKES_AT_MOST_S:
                return False
        if self._process is None and monotonic() - self._started_at >= START_AGAIN_AFTER_S:
            self._started_at = monotonic()
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE)  # noqa: S603 - our own command
        return True

    def tell_to_end(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Wait for it to end; one that has not when time is up is killed."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def run(command: Sequence[str], count: int) -> bool:
    """Keep `count` processes of this command running until SIGTERM or SIGINT, then end them.

    False where one could not start: the others are ended then.
    """
    stop = Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    children = [Child(command) for _ in range(count)]
    can_start = True
    while can_start and not stop.wait(LOOK_EVERY_S):
        can_start = False not in [child.keep_running() for child in children]
    for child in children:
        child.tell_to_end()
    until = monotonic() + ENDING_TAKES_AT_MOST_S
    for child in children:
        child.wait(until)
    return can_start
