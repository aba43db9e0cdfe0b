"""Taking turns: at most one mail of a process is between its last byte and its note.

Two where the server always takes its time to answer, and more only where a single answer takes very long.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

QUICK_S = 0.01  # a server that never answers sooner is far away: with one mail at a time it would take all day
PATIENCE_S = 1.0  # so long a single slow answer holds up the other connections
REMEMBERED_ANSWERS = 32


class Turns:
    """Who may have a mail on its last way. A server that is far away and not merely busy never answers quickly."""

    def __init__(self) -> None:
        self._first, self._second = Lock(), Lock()
        self._answers: tuple[float, ...] = ()

    def remember(self, seconds: float) -> None:
        """How long the server took to answer."""
        self._answers = (*self._answers[1 - REMEMBERED_ANSWERS :], seconds)

    @property
    def is_nearby(self) -> bool:
        """Whether the server is known to answer quickly."""
        return min(self._answers, default=QUICK_S) < QUICK_S

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, with a patience that ends: what waits longer goes out of turn."""
        is_far = min(self._answers, default=0.0) > QUICK_S
        with ExitStack() as until_noted:
            if self._first.acquire(timeout=QUICK_S if is_far else PATIENCE_S):
                until_noted.callback(self._first.release)
            elif is_far and self._second.acquire(timeout=PATIENCE_S):
                until_noted.callback(self._second.release)
            yield
