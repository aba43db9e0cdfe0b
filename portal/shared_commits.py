"""One commit for all who come at the same moment.

A commit waits for the disk, and beginning and ending a transaction costs more than the small write inside. So the
threads of a process that want the same kind of write while another commit is under way wait together, and the next one
is theirs: whoever gets the turn writes for all, and each returns once its own has been kept. Nobody waits for others to
come: who is alone commits at once.

Races: if anything is wrong with what was written together, all of it is rolled back and each gets a transaction of its
own, so that nobody's failure is another's.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

from portal.db import after_commit, db, is_inside_transaction, repeatable_transaction, transaction

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


class Wanted(Generic[Item, Outcome]):
    """What one caller wants written, and what came of it."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: Future[Outcome] = Future()

    @property
    def is_settled(self) -> bool:
        return self.outcome.done()


Take = Callable[[], Sequence[Wanted[Item, Outcome]]]
"""Gives those who are written for together, when it is asked."""


class SharedWrites(Generic[Item, Outcome]):
    """One kind of write. `write` does several in the transaction around it and says what came of each.

    It may raise to have each done alone, and is called again then. `repeatable`: as in `db.repeatable_transaction`.
    """

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Outcome]], *, repeatable: bool = False) -> None:
        self._write = write
        self._keep = repeatable_transaction(self._write_and_tell) if repeatable else transaction(self._write_and_tell)
        self._lock = threading.Lock()
        self._queues: WeakKeyDictionary[Engine, _Queue[Item, Outcome]] = WeakKeyDictionary()

    def do(self, item: Item) -> Outcome:
        """What came of it, once it has been kept; inside a transaction it is part of that one."""
        if is_inside_transaction():
            return transaction(self._write)([item])[0]
        with self._lock:
            queue = self._queues.setdefault(db.engine, _Queue(self._keep))
        return queue.join(item)

    def _write_and_tell(self, take: "Take[Item, Outcome]") -> None:
        together, outcomes = take(), list[Outcome]()
        after_commit(lambda: _tell(together, outcomes))
        outcomes += self._write([one.item for one in together])


def _tell(kept: Sequence[Wanted[Item, Outcome]], outcomes: Sequence[Outcome]) -> None:
    for one, outcome in zip(kept, outcomes, strict=True):
        one.outcome.set_result(outcome)


class _Queue(Generic[Item, Outcome]):
    """Those who wait at one database: one commit at a time, each for everybody who has come meanwhile."""

    def __init__(self, keep: "Callable[[Take[Item, Outcome]], None]") -> None:
        self._keep = keep
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._waiting: list[Wanted[Item, Outcome]] = []

    def join(self, item: Item) -> Outcome:
        wanted: Wanted[Item, Outcome] = Wanted(item)
        with self._lock:
            self._waiting.append(wanted)
        with self._turn:
            if not wanted.is_settled:
                self._keep_all_that_wait()
        return wanted.outcome.result()

    def _keep_all_that_wait(self) -> None:
        together: list[Wanted[Item, Outcome]] = []
        try:
            self._keep_each(together, lambda: self._take(together))
        finally:  # whatever ends this thread is no reason for the others not to be kept by the next one
            with self._lock:
                self._waiting[:0] = [one for one in together if not one.is_settled]

    def _take(self, together: list[Wanted[Item, Outcome]]) -> Sequence[Wanted[Item, Outcome]]:
        """Asked for once the transaction has begun: another process may have kept it waiting, and more have come."""
        with self._lock:
            together += self._waiting
            self._waiting = []
        return together

    def _keep_each(self, together: Sequence[Wanted[Item, Outcome]], take: "Take[Item, Outcome]") -> None:
        try:
            self._keep(take)
        except Exception as error:
            left = [one for one in together or take() if not one.is_settled]
            if not left:
                raise  # it has been kept, and what was to follow has failed
            if len(left) == 1:
                left[0].outcome.set_exception(error)
                return
            for one in left:
                self._keep_alone(one)

    def _keep_alone(self, one: Wanted[Item, Outcome]) -> None:
        self._keep_each([one], lambda: [one])
