"""SQLite made to keep what it is told: the driver's own transaction handling loses concurrent updates.

One writer at a time has the file. SQLite lets the others sleep for up to a tenth of a second between two looks, while
the transactions here take a thousandth; so they look more often.
"""

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, event

WRITING = "portal_writing"
REPEATABLE = "portal_repeatable"  # these two are execution options of a connection
BUSY_TIMEOUT_MS = 20_000
LOOK_EVERY_S = 0.0005
CACHE_KB = 16_000  # a connection; at SQLite's own 2,000 a page of a million rows is read from the file again and again
CHECKPOINT_PAGES = 8_000  # of 4 KB; at SQLite's own 1,000 a page that changes often is copied to the file as often
CONNECT_ARGS = {"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False}
PRIMARY_CODE = 0xFF


def prepare(engine: Engine) -> None:
    """Set up each of the engine's connections, and begin each of their transactions ourselves."""
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)


def _set_up(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    pragmas = {
        "journal_mode": "WAL",
        "synchronous": "FULL",
        "foreign_keys": "ON",
        "busy_timeout": BUSY_TIMEOUT_MS,
        "cache_size": -CACHE_KB,
        "wal_autocheckpoint": CHECKPOINT_PAGES,
    }
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name}={value}")


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(WRITING, True):
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get(REPEATABLE) else 'FULL'}")
        _begin_writing(connection)
    else:
        connection.exec_driver_sql("BEGIN DEFERRED")


def _begin_writing(connection: Connection) -> None:
    """A writer takes its lock at once: one that begins by reading may find its snapshot stale and fail."""
    driver: Any = connection.connection.driver_connection
    until = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while _is_taken(driver) and time.monotonic() < until:
            time.sleep(LOOK_EVERY_S)
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails as it just did, in SQLAlchemy's words
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _is_taken(driver: sqlite3.Connection) -> bool:
    """Whether another writer has the file; if not, and nothing else is wrong, it is ours now."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & PRIMARY_CODE == sqlite3.SQLITE_BUSY
    return False
