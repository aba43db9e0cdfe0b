"""Connections kept at hand: a few, for a while, and given back as they came."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, text

from portal import parked
from portal.db import db
from portal.parked import PARKED, Parked

pytestmark = pytest.mark.both_databases


@pytest.fixture
def engine(context: Flask) -> Engine:
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


def test_after_a_while_the_pool_has_it_again_as_it_came(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(parked, "KEPT_S", 0.0)
    connection = parked.take(engine)
    assert is_open(connection)
    parked.give_back(engine, connection)
    assert checked_out(engine) == 0
    with engine.begin() as again:
        again.execute(text("UPDATE organizations SET name = 'Changed'"))
        again.rollback()
    with engine.connect() as later:
        assert later.scalar(text("SELECT COUNT(*) FROM organizations WHERE name = 'Changed'")) == 0


def test_an_engine_that_is_disposed_of_leaves_none_open(engine: Engine):
    connection = parked.take(engine)
    parked.give_back(engine, connection)
    engine.dispose()
    assert not is_open(connection)
    assert parked.take(engine) is not connection
