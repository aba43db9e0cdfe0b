"""How many callers of one process may wait for providers: whoever asks for something else must find a free thread.

A provider that hangs is asked for by everybody at once. Its callers wait on threads of the web server, so they may have
most of them but never all; whoever comes on top is told to come back in a moment.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from portal.extensions import config
from portal.rules.problems import ProviderUnavailable

COME_BACK_AFTER = timedelta(seconds=2)


def seats(threads: int) -> int:
    """How many of a process's threads may wait for providers: one at least, or no token would ever be refreshed."""
    return max(1, threads * 15 // 16)


def seats_of_one(threads: int) -> int:
    """How many may wait for the same provider: the other providers' callers find some as well."""
    return max(1, threads * 13 // 16)


class WaitingRoom:
    """So many seats as the process has threads for, and fewer for the callers of any one provider."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def seat(self, provider_id: str) -> Iterator[None]:
        """A seat for the time of the block; raises ProviderUnavailable where none is free."""
        if not self._is_seated(provider_id):
            raise ProviderUnavailable(COME_BACK_AFTER)
        try:
            yield
        finally:
            self._leave(provider_id)

    def _is_seated(self, provider_id: str) -> bool:
        threads = config().threads
        with self._lock:
            has_room = self._taken.total() < seats(threads) and self._taken[provider_id] < seats_of_one(threads)
            self._taken[provider_id] += has_room
            return has_room

    def _leave(self, provider_id: str) -> None:
        with self._lock:
            self._taken[provider_id] -= 1
            if not self._taken[provider_id]:
                del self._taken[provider_id]
