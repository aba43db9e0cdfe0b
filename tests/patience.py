"""Waiting for another process: until something is true, never for a guessed while."""

import time
from collections.abc import Callable

LOOK_EVERY_S = 0.02


def eventually(claim: Callable[[], object], *, within_s: float = 20.0) -> bool:
    """Whether the claim became true in time; returns the moment it does."""
    deadline = time.monotonic() + within_s
    while not claim():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True
