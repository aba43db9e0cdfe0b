"""Travelling with the demo's clock: some days forward, and everything that falls due is done at each stop."""

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from time import sleep

from portal import clock

SEEN_BY_ALL_S = 1.0  # every process rereads the clock within half of it
STEP = timedelta(days=1)
FARTHEST = timedelta(days=30)

_travelling = threading.Lock()


def is_travelling() -> bool:
    """Whether a journey is under way in this process."""
    return _travelling.locked()


def begin(clock_file: Path, days: int) -> bool:
    """Begin a journey in the background; False while another is under way or for a length that makes no sense."""
    if not timedelta(0) < timedelta(days=days) <= FARTHEST or not _travelling.acquire(blocking=False):
        return False
    threading.Thread(target=_travel, args=(clock_file, days), daemon=True).start()
    return True


def _travel(clock_file: Path, days: int) -> None:
    try:
        for _ in range(days):
            clock.move(clock_file, STEP)
            sleep(SEEN_BY_ALL_S)
            _tick()
    finally:
        _travelling.release()


def _tick() -> None:
    """What the scheduler and the workers would do in the time that was skipped."""
    subprocess.run([sys.executable, "-m", "portal.cli", "tick"], check=False, capture_output=True, timeout=120)
