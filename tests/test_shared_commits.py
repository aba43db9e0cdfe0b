"""Small writes of many threads share a commit, and nothing else."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from portal.db import after_commit, db, reading, transaction
from portal.models import Event
from portal.shared_commits import SharedWrites
from tests import factories
from tests.factories import NOON
from tests.patience import eventually

THREADS = 8
UNLUCKY = 13

Note = tuple[UUID, int]


def write(notes: Sequence[Note]) -> Sequence[int]:
    """An event each; 13 brings bad luck."""
    for organization_id, number in notes:
        if number == UNLUCKY:
            raise LookupError("thirteen")
        db.session.add(
            Event(organization_id=organization_id, at=NOON, kind="a:note", actor="test", facts={"n": number})
        )
    return [number for _, number in notes]


@reading
def noted() -> list[int]:
    return sorted(facts["n"] for facts in db.session.scalars(select(Event.facts).where(Event.kind == "a:note")))


def in_threads(app: Flask, act: Callable[[int], object], numbers: Sequence[int]) -> list[object]:
    """What each returned, or raised; all begun at the same moment."""
    ready = threading.Barrier(len(numbers))

    def run(number: int) -> object:
        with app.app_context():
            ready.wait()
            try:
                return act(number)
            except LookupError as error:
                return error

    with ThreadPoolExecutor(len(numbers)) as pool:
        return list(pool.map(run, numbers))


@pytest.mark.both_databases
def test_everybody_is_kept_and_told_their_own_outcome(context: Flask) -> None:
    acme, notes = factories.make_organization("Acme", "acme"), SharedWrites(write)
    outcomes = in_threads(context, lambda n: notes.do((acme, n)), range(THREADS))
    assert outcomes == noted() == list(range(THREADS))


@pytest.mark.both_databases
def test_nobodys_failure_is_anothers(context: Flask) -> None:
    acme, notes = factories.make_organization("Acme", "acme"), SharedWrites(write)
    *outcomes, unlucky = in_threads(context, lambda n: notes.do((acme, n)), [*range(THREADS), UNLUCKY])
    assert outcomes == noted() == list(range(THREADS))
    assert isinstance(unlucky, LookupError)


def test_who_comes_while_a_commit_is_under_way_shares_the_next(context: Flask) -> None:
    groups: list[int] = []
    may_end = threading.Event()

    def write_when_told(items: Sequence[int]) -> Sequence[int]:
        groups.append(len(items))
        may_end.wait(10)
        return items

    def do(number: int) -> int:
        with context.app_context():
            return shared.do(number)

    shared = SharedWrites(write_when_told)
    with ThreadPoolExecutor(THREADS) as pool:
        first = pool.submit(do, 0)
        assert eventually(lambda: groups == [1])
        others = [pool.submit(do, number) for number in range(1, THREADS)]
        assert eventually(lambda: len(next(iter(shared._queues.values()))._waiting) == THREADS - 1)
        may_end.set()
        assert [one.result(10) for one in (first, *others)] == list(range(THREADS))
    assert groups == [1, THREADS - 1]


def test_who_comes_while_a_commit_waits_for_another_process_is_kept_with_it(context: Flask) -> None:
    acme, groups = factories.make_organization("Acme", "acme"), list[int]()

    def write_counted(notes: Sequence[Note]) -> Sequence[int]:
        groups.append(len(notes))
        return write(notes)

    def do(number: int) -> int:
        with context.app_context():
            return shared.do((acme, number))

    shared = SharedWrites(write_counted)
    with ThreadPoolExecutor(THREADS) as pool:
        with closing(sqlite3.connect(db.engine.url.database or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            some = [pool.submit(do, number) for number in range(THREADS)]
            assert eventually(lambda: _are_waiting(shared, THREADS))
            other.execute("ROLLBACK")
        assert [one.result(10) for one in some] == noted() == list(range(THREADS))
    assert groups == [THREADS]


def test_nobody_waits_for_ever_where_no_transaction_begins(context: Flask) -> None:
    acme, notes = factories.make_organization("Acme", "acme"), SharedWrites(write)

    def refuse(_connection: object) -> None:
        raise LookupError("no transaction")

    event.listen(db.engine, "begin", refuse)
    try:
        refused = in_threads(context, lambda n: notes.do((acme, n)), range(THREADS))
    finally:
        event.remove(db.engine, "begin", refuse)
    assert [type(one) for one in refused] == [LookupError] * THREADS
    assert notes.do((acme, 1)) == 1


def _are_waiting(shared: SharedWrites[Note, int], many: int) -> bool:
    queues = list(shared._queues.values())
    return bool(queues) and len(queues[0]._waiting) == many


def test_inside_a_transaction_it_is_part_of_that(context: Flask) -> None:
    acme, notes = factories.make_organization("Acme", "acme"), SharedWrites(write)

    @transaction
    def both() -> None:
        notes.do((acme, 1))
        raise LookupError("afterwards")

    with pytest.raises(LookupError):
        both()
    assert noted() == []


def test_inside_a_reading_service_it_is_refused(context: Flask) -> None:
    acme, notes = factories.make_organization("Acme", "acme"), SharedWrites(write)
    with pytest.raises(RuntimeError):
        reading(lambda: notes.do((acme, 1)))()


def test_what_follows_a_commit_follows_it_once_it_is_kept(context: Flask) -> None:
    acme, seen = factories.make_organization("Acme", "acme"), list[int]()

    def write_and_look(items: Sequence[Note]) -> Sequence[int]:
        after_commit(lambda: seen.append(_count(context)))
        return write(items)

    SharedWrites(write_and_look).do((acme, 5))
    assert seen == [1]


def _count(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).where(Event.kind == "a:note")) or 0
