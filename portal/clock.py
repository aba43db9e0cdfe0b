"""The one clock: every process takes its now from here, and a demo may move it.

Entry points (a request, a job, a command) call `now()` once and hand the value down; nothing below them asks again.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

REREAD_AFTER_S = 0.5  # a moved demo clock must be seen everywhere within 2 s
FARTHEST = timedelta(days=36_525)  # a century either way: no calendar, certificate or database ends within it


class _Offset:
    """How far the demo's clock is ahead, read from a file that all its processes share."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self._ahead = timedelta(0)
        self._read_at = -REREAD_AFTER_S

    def ahead(self) -> timedelta:
        if self.path is None:
            return timedelta(0)
        if monotonic() - self._read_at >= REREAD_AFTER_S:
            self._ahead = read_offset(self.path)
            self._read_at = monotonic()
        return self._ahead

    def follow(self, path: Path | None) -> None:
        self.path = path
        self._read_at = -REREAD_AFTER_S


_offset = _Offset()


def now() -> datetime:
    """The present moment, aware and in UTC, moved by the demo's offset where one is followed."""
    return datetime.now(UTC) + _offset.ahead()


def machine_now() -> datetime:
    """The machine's own time, unmoved: to compare with moments that other programs noted without asking us."""
    return datetime.now(UTC)


def follow(path: Path | None) -> None:
    """Take the offset in `path` (seconds as text) into account from now on; None means real time."""
    _offset.follow(path)


def read_offset(path: Path) -> timedelta:
    """The offset stored in `path`, a century at most; nothing stored, or nonsense, is no offset."""
    try:
        return _bounded(timedelta(seconds=float(path.read_text(encoding="ascii"))))
    except (OSError, ValueError, OverflowError):
        return timedelta(0)


def move(path: Path, by: timedelta) -> timedelta:
    """Move the offset in `path` by that much more and return the whole of it, a century at most.

    Written so that no reader sees half of it.
    """
    ahead = _bounded(read_offset(path) + _bounded(by))
    _write(path, ahead)
    return ahead


def reset(path: Path) -> None:
    """Back to real time for everybody who follows `path`."""
    _write(path, timedelta(0))


def _bounded(ahead: timedelta) -> timedelta:
    return max(-FARTHEST, min(FARTHEST, ahead))


def _write(path: Path, ahead: timedelta) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(str(ahead.total_seconds()), encoding="ascii")
    draft.replace(path)
    _offset.follow(_offset.path)
