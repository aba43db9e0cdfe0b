"""The provider's memory: one SQLite file, written by many threads, outliving restarts."""

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import cast

WAIT_FOR_LOCK_S = 30.0


class Store:
    """Opens one connection a thread and hands out transactions that take the write lock at once.

    Deferred transactions would let two threads read the same refresh token before either writes its rotation.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection().executescript(files(__package__).joinpath("schema.sql").read_text(encoding="utf-8"))

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block, or nothing of it."""
        db = self._connection()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "db"):
            self._local.db = _open(self._path)
        return cast(sqlite3.Connection, self._local.db)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=WAIT_FOR_LOCK_S, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    return db


def secret(db: sqlite3.Connection, name: str) -> str:
    """A random value that is made on first use and stays the same over restarts."""
    db.execute("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)", (name, secrets.token_urlsafe(32)))
    return str(db.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()["value"])


def fingerprint(value: str) -> str:
    """What is stored instead of a token or a client's secret."""
    return hashlib.sha256(value.encode()).hexdigest()


def as_text(moment: datetime) -> str:
    """A moment as it is stored: fixed width, so that text compares as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def as_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
