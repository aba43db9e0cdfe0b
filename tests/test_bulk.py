"""Bulk inserts leave what single ones would have left, on both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal.bulk import insert_rows, take_stock
from portal.crypto import Secret
from portal.db import NEVER, Base, db, reading, transaction
from portal.extensions import keyring
from portal.models import Connection, Email, Grant, Member
from portal.models.columns import new_id
from portal.models.email import EmailKind, EmailStatus
from portal.models.grant import seal_context
from portal.rules.roles import Role
from portal.rules.status import ConnectionState
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases


def member(world: World, email: str) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": world.acme,
        "email": email,
        "name": 'Ćić "o\t\\N\n日本',
        "role": Role.TEAM_OWNER,
        "team": None,
        "created_at": NOON,
    }


def connection(world: World) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": world.acme,
        "member_id": world.ana.id,
        "provider_id": "demo-social",
        "nickname": "x",
        "state": ConnectionState.ACTIVE,
        "state_since": NOON,
        "consent_expires_at": None,
        "created_at": NOON,
    }


@transaction
def write(model: type[Base], rows: list[dict[str, Any]]) -> None:
    insert_rows(db.session(), model, rows)


@reading
def found(row_id: object) -> tuple[object, ...]:
    row = db.session.get_one(Member, row_id)
    return (row.email, row.name, row.role, row.team, row.created_at, row.deactivated_at)


def test_texts_words_and_moments_come_back_as_they_went(context: Flask, world: World) -> None:
    rows = [member(world, f"p{number}@acme.example") for number in range(3)]
    write(Member, rows)
    for row in rows:
        assert found(row["id"]) == (row["email"], row["name"], Role.TEAM_OWNER, None, NOON, None)


def test_no_date_is_stored_where_rows_are_sorted_by_it(context: Flask, world: World) -> None:
    row = connection(world)
    write(Connection, [row])
    stored = select(Connection.consent_expires_at).where(Connection.consent_expires_at == NEVER)
    assert reading(lambda: db.session.scalars(stored).all())() == [None]


def test_sealed_values_and_lists_come_back_whole(context: Flask, world: World) -> None:
    row = connection(world)
    place = seal_context(row["id"], "access_token")
    grant = {
        "connection_id": row["id"],
        "organization_id": world.acme,
        "provider_id": "demo-social",
        "generation": 1,
        "scopes": "a b",
        "accounts": [{"id": "1", "name": "Ć\\"}],
        "token_type": "Bearer",
        "access_token": keyring().seal(Secret("hidden"), place),
        "issued_at": NOON,
        "access_expires_at": NOON + timedelta(hours=1),
        "refresh_due_at": None,
    }
    write(Connection, [row])
    write(Grant, [grant])

    @reading
    def stored() -> tuple[str, list[dict[str, Any]], datetime | None, int]:
        held = db.session.get_one(Grant, row["id"])
        assert held.access_token is not None
        return keyring().open(held.access_token, place).reveal(), held.accounts, held.refresh_due_at, held.failures

    assert stored() == ("hidden", [{"id": "1", "name": "Ć\\"}], None, 0)


def test_constant_defaults_are_filled_in(context: Flask, world: World) -> None:
    write(
        Email,
        [
            {
                "organization_id": world.acme,
                "member_id": world.ana.id,
                "kind": EmailKind.INVITATION,
                "detail": {},
                "created_at": NOON,
                "next_attempt_at": NOON,
            }
        ],
    )
    row = reading(lambda: db.session.execute(select(Email.status, Email.attempts)).one())()
    assert tuple(row) == (EmailStatus.QUEUED, 0)


def test_a_broken_rule_of_the_database_is_the_usual_error_and_undoes_all(context: Flask, world: World) -> None:
    rows = [member(world, "new@acme.example"), member(world, world.ana.email)]
    with pytest.raises(IntegrityError) as refused:
        write(Member, rows)
    assert reading(lambda: db.session.query(Member).count())() == 5
    assert world.ben.email not in str(refused.value)


def test_no_rows_are_no_work(context: Flask, world: World) -> None:
    write(Member, [])
    transaction(lambda: take_stock(db.session(), Member))()
