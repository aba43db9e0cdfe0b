"""The rounds over what is to be ended at the providers: no row and no provider holds up the others."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from portal.crypto import Sealed
from portal.db import db, reading, transaction
from portal.models import Email, Grant, PendingGrant
from portal.models.columns import new_id
from portal.models.email import EmailKind
from portal.rules.status import ConnectionState
from portal.services import connections, leftovers
from tests.consents import signed_in, stored
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases
LATER = NOON + timedelta(hours=1)
SHUT = Sealed(b"one:" + bytes(40))


@pytest.fixture(autouse=True)
def context(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def make_leftover(world: World, stub: StubProvider, token: str) -> UUID:
    """A connection that was disconnected while its provider could not be reached."""
    connection_id = make_connection(world.ana, provider_id="stub", refresh_token=token)
    stub.revoking_status = 503
    connections.disconnect(signed_in(world.ana), connection_id, now=NOON)
    stub.revoking_status = 200
    stub.revoked.clear()
    return connection_id


@transaction
def shut(connection_id: UUID) -> None:
    """Make what is stored of its tokens unreadable, as a flipped bit does."""
    for table in (Grant, PendingGrant):
        theirs = update(table).where(table.connection_id == connection_id, table.access_token.is_not(None))
        db.session.execute(theirs.values(access_token=SHUT))


@reading
def waiting() -> list[UUID | None]:
    """The connections whose tokens are still to be ended."""
    rows = select(PendingGrant.connection_id).where(PendingGrant.is_revocation_outstanding.is_(True))
    return list(db.session.scalars(rows))


@reading
def alerts() -> list[str]:
    return [mail.detail["title"] for mail in db.session.scalars(select(Email).filter_by(kind=EmailKind.ALERT))]


def test_tokens_that_cannot_be_opened_hold_up_no_others_and_are_told_once(world: World, stub: StubProvider) -> None:
    broken = make_leftover(world, stub, "refresh-1")
    make_leftover(world, stub, "refresh-2")
    shut(broken)
    for _ in range(2):
        connections.finish_revocations(now=LATER)
    assert stub.revoked == ["refresh-2"]
    assert waiting() == [broken]
    assert alerts() == ["Old tokens at Stub could not be ended"]


def test_tokens_that_cannot_be_opened_are_forgotten_after_a_week(world: World, stub: StubProvider) -> None:
    shut(make_leftover(world, stub, "refresh-1"))
    connections.finish_revocations(now=NOON + leftovers.TRIED_FOR - timedelta(seconds=1))
    assert waiting() != []
    connections.finish_revocations(now=NOON + leftovers.TRIED_FOR)
    assert waiting() == []


def test_a_connection_whose_tokens_cannot_be_opened_is_disconnected_all_the_same(
    world: World, stub: StubProvider
) -> None:
    connection_id = make_connection(world.ana, provider_id="stub")
    shut(connection_id)
    connections.disconnect(signed_in(world.ana), connection_id, now=NOON)
    assert stored(connection_id).connection.state is ConnectionState.DISCONNECTED
    assert (stub.revoked, alerts()) == ([], ["Old tokens at Stub could not be ended"])


def test_a_provider_out_of_reach_leaves_the_others_their_share(world: World, stub: StubProvider) -> None:
    make_many_at_a_dead_provider(world, leftovers.AT_ONCE)
    make_leftover(world, stub, "refresh-1")
    assert connections.finish_revocations(now=LATER) == 1
    assert stub.revoked == ["refresh-1"]


@transaction
def make_many_at_a_dead_provider(world: World, number: int) -> None:
    row = {
        "organization_id": world.acme,
        "member_id": world.ana.id,
        "provider_id": "demo-social",  # nothing listens at its address
        "nickname": "Company page",
        "subject": "gone",
        "scopes": "",
        "accounts": [],
        "token_type": "Bearer",
        "access_expires_at": None,
        "created_at": NOON,
        "expires_at": NOON,
        "settled_at": NOON,
        "decision": leftovers.DISCONNECTED,
        "is_revocation_outstanding": True,
    }
    db.session.connection().execute(insert(PendingGrant), [row | {"id": new_id()} for _ in range(number)])
