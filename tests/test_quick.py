"""Statements straight on the driver: what they see and write, and that a dead connection in the pool harms nobody."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import bindparam, insert, literal_column, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.db import db, transaction
from portal.models import Connection, Event, Member
from portal.quick import QuickSelect, QuickWrite, Reader
from tests.factories import NOON, World, make_connection, make_member

NAMES = QuickSelect(
    select(Member.name, Member.role, Member.created_at)
    .where(Member.organization_id == bindparam("organization_id"), Member.role != "org_admin")
    .order_by(Member.name)
)
DEACTIVATE = QuickWrite(update(Member).where(Member.id == bindparam("of")).values(deactivated_at=bindparam("at")))
UNEND = QuickWrite(update(Connection).where(Connection.id == bindparam("of")).values(consent_expires_at=None))
LOG = QuickWrite(insert(Event).inline(), ("organization_id", "at", "kind", "actor", "facts"))
RENAME = QuickWrite(update(Member).where(Member.id == bindparam("of")), ["email"])


@transaction
def write(statement: QuickWrite, *rows: dict[str, Any]) -> int:
    return statement.run(db.session(), rows)


def names(organization_id: UUID) -> list[str]:
    return [row[0] for row in NAMES.all(db.engine, {"organization_id": organization_id})]


@pytest.mark.both_databases
def test_rows_come_converted_as_the_columns_are_declared(context: Flask, world: World):
    row = NAMES.first(db.engine, {"organization_id": world.acme})
    assert row is not None
    assert (row[0], row[1]) == (world.ana.name, world.ana.role)
    assert row[2].utcoffset() is not None


@pytest.mark.both_databases
def test_no_row_is_none_and_no_rows_are_none_at_all(context: Flask, world: World):
    assert NAMES.first(db.engine, {"organization_id": UUID(int=0)}) is None
    assert names(UUID(int=0)) == []


@pytest.mark.both_databases
def test_what_has_just_been_committed_is_seen(context: Flask, world: World):
    before = names(world.acme)
    make_member(world.acme, "Zoe Zimmer", "zoe@acme.example")
    assert names(world.acme) == [*before, "Zoe Zimmer"]


@pytest.mark.both_databases
def test_a_refused_statement_says_so_and_leaves_the_pool_usable(context: Flask, world: World):
    refused = QuickSelect(select(literal_column("no_such_column")).select_from(Member))
    for _ in range(20):  # more often than the pool has connections
        with pytest.raises(DBAPIError):
            refused.all(db.engine, {})
    assert names(world.acme)


def let_die(taken: Sequence[Any], drivers: Sequence[Any]) -> None:
    """As a restart of the database ends what lies idle."""
    for one in [*taken, *drivers]:
        one.close()


@pytest.mark.both_databases
def test_connections_that_died_in_the_pool_are_replaced(context: Flask, world: World):
    """The first who asks notices, and nobody gets an error."""
    db.session.remove()
    pooled = [db.engine.raw_connection() for _ in range(3)]
    let_die(pooled, [connection.driver_connection for connection in pooled])
    assert names(world.acme)
    assert names(world.acme)


@pytest.mark.both_databases
def test_connections_that_died_at_hand_are_replaced(context: Flask, world: World):
    readers = [Reader(db.engine) for _ in range(3)]
    let_die(readers, [reader._connection.driver for reader in readers])
    assert names(world.acme)
    assert names(world.acme)


@pytest.mark.both_databases
def test_what_is_written_is_converted_as_the_columns_are_declared(context: Flask, world: World):
    assert write(DEACTIVATE, {"of": world.ana.id, "at": NOON}) == 1
    assert db.session.get_one(Member, world.ana.id).deactivated_at == NOON


@pytest.mark.both_databases
def test_a_constant_nothing_is_converted_too(context: Flask, world: World):
    one = make_connection(world.ana)
    assert write(UNEND, {"of": one}) == 1
    db.session.expire_all()
    assert db.session.get_one(Connection, one).consent_expires_at is None


@pytest.mark.both_databases
def test_several_rows_are_written_at_once_and_those_met_are_counted(context: Flask, world: World):
    missing = UUID(int=0)
    people = [{"of": one, "at": NOON} for one in (world.ana.id, missing, world.ben.id)]
    assert write(DEACTIVATE, *people) == 2


@pytest.mark.both_databases
def test_rows_are_inserted_with_what_they_name(context: Flask, world: World):
    rows = [
        {"organization_id": world.acme, "at": NOON, "kind": "tried", "actor": "portal", "facts": {"number": number}}
        for number in (1, 2)
    ]
    write(LOG, *rows)
    found = db.session.scalars(select(Event).where(Event.kind == "tried").order_by(Event.id)).all()
    assert [(one.at, one.facts, one.member_id) for one in found] == [(NOON, {"number": n}, None) for n in (1, 2)]


@pytest.mark.both_databases
def test_a_refused_write_says_which_and_keeps_nothing(context: Flask, world: World):
    @transaction
    def both() -> None:
        DEACTIVATE.run(db.session(), [{"of": world.ana.id, "at": NOON}])
        RENAME.run(db.session(), [{"of": world.ana.id, "email": world.ben.email}])

    with pytest.raises(IntegrityError):
        both()
    assert db.session.get_one(Member, world.ana.id).deactivated_at is None
