"""In one process, callers who want the same thing at the same moment share one attempt at it."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """The first caller for a key does the work; those who come meanwhile get its result, or its failure."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Hashable, Future[T]] = {}

    def share(self, key: Hashable, work: Callable[[], T]) -> T:
        with self._lock:
            flight = self._flights.get(key)
            is_first = flight is None
            if flight is None:
                flight = self._flights[key] = Future()
        if is_first:
            self._fly(key, flight, work)
        return flight.result()

    def _fly(self, key: Hashable, flight: "Future[T]", work: Callable[[], T]) -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait must get it too
            self._land(key)
            flight.set_exception(error)
        else:
            self._land(key)
            flight.set_result(result)

    def _land(self, key: Hashable) -> None:
        with self._lock:
            del self._flights[key]
