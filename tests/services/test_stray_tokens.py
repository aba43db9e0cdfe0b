"""Tokens that a refresh brings too late: ended at the provider, unless newer ones of the same login are in use."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Secret
from portal.db import db, transaction
from portal.models import Connection
from portal.services import stray_tokens, token_store
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases
LATE = TokenAnswer(Secret("late-access"), Secret("late-refresh"))


@transaction
def set_login(connection_id: UUID, subject: str | None) -> None:
    """Write whose login it is: nobody knows of an imported one before its first reconsent."""
    db.session.get_one(Connection, connection_id).subject = subject


@pytest.mark.parametrize(
    ("before", "revoked"),
    [("business", []), (None, []), ("personal", ["late-refresh"])],
    ids=["same", "unknown", "other"],
)
def test_late_tokens_are_ended_only_if_they_are_of_another_login(
    stub: StubProvider, app: Flask, world: World, before: str | None, revoked: list[str]
) -> None:
    with app.app_context():
        connection_id = make_connection(world.ana, provider_id="stub")
        set_login(connection_id, before)
        grant = token_store.read(connection_id)
        assert grant is not None
        set_login(connection_id, "business")
        stray_tokens.end(grant, LATE, now=NOON + timedelta(hours=1))
    assert stub.revoked == revoked
