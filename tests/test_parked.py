"""Connections kept at hand: a few, for a while, and given back as they came."""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from portal import parked
from portal.db import db
from portal.parked import KEPT_S, PARKED, Parked
from tests.factories import World

pytestmark = pytest.mark.both_databases


@pytest.fixture
def engine(context: Flask, world: World) -> Engine:
    db.session.remove()
    db.engine.dispose()
    return db.engine


def is_open(connection: Parked) -> bool:
    try:
        connection.execute("SELECT 1", ())
    except Exception:  # noqa: BLE001 - each driver has words of its own for it
        return False
    return True


def checked_out(engine: Engine) -> int:
    pool: Any = engine.pool
    return pool.checkedout()


def test_what_was_given_back_is_at_hand_again(engine: Engine):
    connection = parked.take(engine)
    parked.give_back(engine, connection)
    assert parked.take(engine) is connection


def test_no_two_share_one(engine: Engine):
    assert parked.take(engine) is not parked.take(engine)


def test_a_few_are_kept_and_the_pool_has_the_others(engine: Engine):
    taken = [parked.take(engine) for _ in range(PARKED + 2)]
    for connection in taken:
        parked.give_back(engine, connection)
    assert checked_out(engine) == PARKED
    assert all(map(is_open, taken))


def grow_old(monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.monotonic() + KEPT_S
    monkeypatch.setattr(parked, "time", SimpleNamespace(monotonic=lambda: later))


def test_after_a_while_the_pool_has_it_again_as_it_came(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    connection = parked.take(engine)
    assert is_open(connection)
    grow_old(monkeypatch)
    parked.give_back(engine, connection)
    assert checked_out(engine) == 0
    with engine.begin() as again:
        again.execute(text("UPDATE organizations SET name = 'Changed'"))
        again.rollback()
    with engine.connect() as later:
        assert later.scalar(text("SELECT COUNT(*) FROM organizations WHERE name = 'Changed'")) == 0


def test_what_has_lain_too_long_is_not_handed_out(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    """Whoever asks first after a quiet night must not find what a firewall has long forgotten."""
    old = parked.take(engine)
    parked.give_back(engine, old)
    grow_old(monkeypatch)
    new = parked.take(engine)
    assert new is not old
    assert checked_out(engine) == 1, "the pool has the old one again"


class Crossing(deque[Parked]):
    """A place where two who count it at the same time wait for each other; nobody comes where one at a time may."""

    def __init__(self) -> None:
        super().__init__()
        self._together = Barrier(2)

    def __len__(self) -> int:
        counted = super().__len__()
        with suppress(BrokenBarrierError):
            self._together.wait(0.2)
        return counted


def test_two_at_once_do_not_both_find_the_last_place_free(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parked, "PARKED", 1)
    taken = [parked.take(engine) for _ in range(2)]
    monkeypatch.setitem(parked._places, engine, Crossing())
    with ThreadPoolExecutor(2) as pool:
        for given in [pool.submit(parked.give_back, engine, connection) for connection in taken]:
            given.result(20)
    assert checked_out(engine) == 1


def test_an_engine_that_is_disposed_of_leaves_none_open(engine: Engine):
    connection = parked.take(engine)
    parked.give_back(engine, connection)
    engine.dispose()
    assert not is_open(connection)
    assert parked.take(engine) is not connection
