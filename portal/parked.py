"""Connections kept at hand for lone SELECTs: taking one from the pool and preparing it costs more than a short SELECT.

They are the pool's own, a few of those a process may have, and checked out as long as they lie here. Whoever finds none
here takes one from the pool.
"""

import time
from collections import deque
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event

PARKED = 2  # of an engine's; the others are left to transactions
KEPT_S = 900.0  # since it was taken from the pool, which gets it back then and knows when a connection is too old


class Parked:
    """One of the pool's connections, on which every statement stands alone and sees what has been committed."""

    __slots__ = ("_is_prepared", "_pooled", "_until", "driver")

    def __init__(self, engine: Engine) -> None:
        self._pooled = engine.raw_connection()
        self._until = time.monotonic() + KEPT_S
        self.driver: Any = self._pooled.driver_connection
        self._is_prepared = False

    def execute(self, sql: str, parameters: Any) -> Any:
        """The driver's cursor of one statement; raises the driver's errors."""
        if not self._is_prepared:
            if self._has_transactions:  # a lone SELECT needs no BEGIN and no ROLLBACK around it
                self.driver.autocommit = True
            self._is_prepared = True
        return self.driver.execute(sql, parameters)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() < self._until

    def give_up(self) -> None:
        """Let the pool have it again, as it came."""
        if self._has_transactions and not self.driver.closed:
            self.driver.autocommit = False
        self._pooled.close()

    def end(self, why: BaseException | None = None) -> None:
        """Close it for good."""
        self._pooled.invalidate(why)

    @property
    def _has_transactions(self) -> bool:
        return isinstance(getattr(self.driver, "autocommit", None), bool)


_places: WeakKeyDictionary[Engine, deque[Parked]] = WeakKeyDictionary()
_lock = Lock()  # two who give back at once must not both find the last place free


def take(engine: Engine) -> Parked:
    """One for the caller alone, until it is given back; what has lain here too long goes back to the pool."""
    place = _places.get(engine)
    while place:
        try:
            connection = place.pop()
        except IndexError:  # another thread was faster
            break
        if connection.is_fresh:
            return connection
        connection.give_up()
    return Parked(engine)


def give_back(engine: Engine, connection: Parked) -> None:
    """Keep it at hand for the next who asks."""
    if not connection.is_fresh or not _is_kept(engine, connection):
        connection.give_up()


def _is_kept(engine: Engine, connection: Parked) -> bool:
    with _lock:
        place = _places.get(engine)
        if place is None:
            place = _places.setdefault(engine, deque())
            event.listen(engine, "engine_disposed", _end_all)
        if len(place) >= PARKED:
            return False
        place.append(connection)
        return True


def _end_all(engine: Engine) -> None:
    place = _places.get(engine, deque())
    while place:
        place.pop().end()
