"""Uses counted in this process's memory and written down in batches: whoever is counted never waits for a write.

A thread writes, and lives only while there is something to write: a process that counts nothing has none, and a forked
one begins without. What could not be written is kept and tried again, and what is left when the process ends is written
then: only a SIGKILL loses anything, and no more than the last few seconds.
"""

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from weakref import WeakSet

import structlog

WRITE_EVERY_S = 3.0
WRITE_SOONER_FROM = 5_000  # pairs
MOST = 20_000  # pairs, some 6 MB; what comes beyond them is counted for its key alone until there is room again

Pair = tuple[UUID, UUID | None]
"""A key and the connection whose token it fetched; None for anything else it did."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Count:
    """How often since the batch before."""

    organization_id: UUID
    uses: int
    first_at: datetime
    last_at: datetime

    def add(self, other: "Count") -> None:
        self.uses += other.uses
        self.first_at = min(self.first_at, other.first_at)
        self.last_at = max(self.last_at, other.last_at)


Counts = Mapping[Pair, Count]


class UseCounts:
    """The counts of one portal in one process. All of it may be called from any thread."""

    def __init__(self, *, write_every_s: float = WRITE_EVERY_S, most: int = MOST) -> None:
        self._write_every_s = write_every_s
        self._most = most
        self._write: Callable[[Counts], object] | None = None
        self._begin()
        _of_this_process.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._writing = threading.Lock()  # one batch at a time: the end of the process waits for the one under way
        self._hurry = threading.Event()
        self._counts: dict[Pair, Count] = {}
        self._has_writer = self._is_failing = self._is_closed = False

    def note(self, pair: Pair, organization_id: UUID, now: datetime) -> bool:
        """Count one use; True when nobody is there to write it: then the caller must `start()` somebody."""
        with self._lock:
            count = self._counts.get(pair) or self._room_for(pair, organization_id, now)
            count.uses += 1
            count.last_at = max(count.last_at, now)
            had_writer, self._has_writer = self._has_writer, True
        return not (had_writer or self._is_closed)

    def start(self, write: Callable[[Counts], object]) -> None:
        """Have the counts written by `write` a few seconds from now, and for as long as more of them come."""
        if self._write is None:
            atexit.register(self.write_now)
        self._write = write
        threading.Thread(target=self._keep_writing, name="use-counts", daemon=True).start()

    def write_now(self) -> bool:
        """Write down what has been counted; False when that failed and the counts are kept for another try."""
        with self._writing:
            with self._lock:
                counts, self._counts = self._counts, {}
            if not counts or self._write is None:
                return True
            try:
                self._write(counts)
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody but the next try needs to know
                self._keep(counts, error)
            else:
                self._is_failing = False
        return not self._is_failing

    def close(self) -> None:
        """Forget what was counted, and count no more: for a portal that ends before its process does."""
        atexit.unregister(self.write_now)
        with self._writing, self._lock:
            self._counts, self._write, self._is_closed = {}, None, True
        self._hurry.set()

    def _room_for(self, pair: Pair, organization_id: UUID, now: datetime) -> Count:
        if len(self._counts) >= min(self._most, WRITE_SOONER_FROM) and not self._is_failing:
            self._hurry.set()
        return self._counts.setdefault(self._kept_as(pair, self._counts), Count(organization_id, 0, now, now))

    def _kept_as(self, pair: Pair, counts: Counts) -> Pair:
        return pair if pair in counts or len(counts) < self._most else (pair[0], None)

    def _keep_writing(self) -> None:
        while self._has_more():
            self._hurry.wait(self._write_every_s)
            self._hurry.clear()
            self.write_now()

    def _has_more(self) -> bool:
        """Asked under the lock, so that nothing is counted between the writer's last look and its end."""
        with self._lock:
            self._has_writer = bool(self._counts) and not self._is_closed
            return self._has_writer

    def _keep(self, counts: dict[Pair, Count], error: Exception) -> None:
        if not self._is_failing:
            log.warning("uses of keys could not be written, and are kept", exc_info=error)
        self._is_failing = True
        with self._lock:
            for pair, count in self._counts.items():
                kept = counts.setdefault(self._kept_as(pair, counts), count)
                if kept is not count:
                    kept.add(count)
            self._counts = counts


_of_this_process: WeakSet[UseCounts] = WeakSet()


def _begin_in_child() -> None:
    """What the parent counted is the parent's to write, and its writer is not among the threads that a fork keeps."""
    for counts in tuple(_of_this_process):
        counts._begin()  # noqa: SLF001 - this module's own


os.register_at_fork(after_in_child=_begin_in_child)
