"""One writer at a time: the others wait their turn, and are told in SQLAlchemy's words when it does not come."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from portal import sqlite

ADD = text("UPDATE counter SET value = value + 1")
VALUE = text("SELECT value FROM counter")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'counter.db'}", connect_args=sqlite.CONNECT_ARGS)
    sqlite.prepare(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (value INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    yield engine
    engine.dispose()


def reading(engine: Engine) -> Connection:
    return engine.connect().execution_options(**{sqlite.WRITING: False})


@pytest.fixture
def found_taken(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set as soon as somebody has found another writer at the file."""
    found, look = Event(), sqlite._is_taken

    def is_taken(driver: sqlite3.Connection) -> bool:
        taken = look(driver)
        if taken:
            found.set()
        return taken

    monkeypatch.setattr(sqlite, "_is_taken", is_taken)
    return found


def test_a_writer_waits_for_the_one_before(engine: Engine, found_taken: Event):
    begun, may_end = Event(), Event()

    def hold() -> None:
        with engine.begin() as connection:
            connection.execute(ADD)
            begun.set()
            assert may_end.wait(20)

    def add() -> None:
        with engine.begin() as connection:
            connection.execute(ADD)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(hold)
        assert begun.wait(20)
        second = pool.submit(add)
        assert found_taken.wait(20)
        with reading(engine) as connection:
            assert connection.scalar(VALUE) == 0, "who reads waits for nobody"
        assert not second.done()
        may_end.set()
        first.result(20)
        second.result(20)
    with reading(engine) as connection:
        assert connection.scalar(VALUE) == 2


def test_whose_turn_does_not_come_is_told_and_can_try_again(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    with engine.begin() as writing, engine.connect() as waiting, monkeypatch.context() as patch:
        writing.execute(ADD)
        patch.setattr(sqlite, "BUSY_TIMEOUT_MS", 20)
        with pytest.raises(OperationalError, match=r"database is locked\n.*BEGIN IMMEDIATE"):
            waiting.execute(ADD)
    with engine.begin() as again:
        again.execute(ADD)
        assert again.scalar(VALUE) == 2
        assert again.scalar(text("PRAGMA busy_timeout")) == sqlite.BUSY_TIMEOUT_MS


def test_only_another_writer_is_waited_for(engine: Engine):
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("BEGIN")
        assert not sqlite._is_taken(driver), "it cannot begin within a transaction, however long it waits"
        driver.execute("ROLLBACK")
