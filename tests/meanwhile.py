"""Somebody else who does something in the middle of a transaction of ours, right after one of its statements."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask
from sqlalchemy import event, text

from portal.db import db
from tests.patience import eventually

PATIENCE_S = 20


@dataclass
class Somebody:
    """What became of them."""

    had_to_wait: bool | None = None  # None: they have not begun


@contextmanager
def meanwhile(app: Flask, act: Callable[[], object], *, after: str) -> Iterator[Somebody]:
    """Once, after the first statement that holds these words, somebody acts: until it is done, or waits for a lock.

    For PostgreSQL: beside a writer SQLite lets nobody else begin.
    """
    somebody, engine = Somebody(), db.engine
    pool, doing = ThreadPoolExecutor(1), Future[object]()

    def do() -> object:
        with app.app_context():
            return act()

    def let_them(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        nonlocal doing
        if somebody.had_to_wait is not None or after not in " ".join(statement.split()):
            return
        somebody.had_to_wait = False
        doing = pool.submit(do)
        assert eventually(lambda: doing.done() or _is_anybody_waiting(app), within_s=PATIENCE_S)
        somebody.had_to_wait = not doing.done()

    event.listen(engine, "after_cursor_execute", let_them)
    try:
        yield somebody
    finally:
        event.remove(engine, "after_cursor_execute", let_them)
    assert somebody.had_to_wait is not None, f"no statement holds {after!r}"
    doing.result(PATIENCE_S)


def _is_anybody_waiting(app: Flask) -> bool:
    with app.app_context(), db.engine.connect() as watching:
        return bool(watching.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
