"""Which of our apps' secrets providers have refused while a later one was taken: noted in memory, for others to tell.

Nothing is written where it is noticed: a rotated token is in the answer, and nothing may come before its storing.
"""

import threading

_lock = threading.Lock()
_noted: dict[str, int] = {}


def note(provider_id: str, count: int) -> None:
    """The first `count` of the provider's secrets were refused, and the next one was taken."""
    with _lock:
        _noted[provider_id] = max(count, _noted.get(provider_id, 0))


def drain() -> dict[str, int]:
    """What was noted in this process since the last time: how many of the first secrets are dead, by provider."""
    with _lock:
        drained = dict(_noted)
        _noted.clear()
    return drained
