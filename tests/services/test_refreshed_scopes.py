"""Scopes that a refresh finds changed are told, to the history and to backends, as those of a new consent are."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.services import public_events, publishing, tokens
from tests.crowd import grant_of, in_json
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import events

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def refreshed(world: World, stub: StubProvider, *, before: str, **stated: str) -> UUID:
    """Ana's connection, refreshed once by an answer that states this."""
    connection_id = make_connection(world.ana, provider_id="stub", scopes=before)
    stub.answering = lambda _token: in_json(200, access_token="new", expires_in=3600, **stated)
    assert tokens.fresh_access_token(world.ana.asker, connection_id, now=NOON + HOUR).generation == 2
    return connection_id


def test_scopes_that_are_others_after_a_refresh_are_told(world: World, stub: StubProvider) -> None:
    connection_id = refreshed(world, stub, before="pages.read pages.write", scope="pages.read insights")
    (told,) = events("scopes:changed")
    assert (told.connection_id, told.member_id, told.actor) == (connection_id, world.ana.id, "portal")
    assert told.facts == {"lost": ["pages.write"], "gained": ["insights"]}
    assert grant_of(connection_id).scopes == "insights pages.read"
    publishing.publish(now=NOON + 2 * HOUR)
    (heard,) = public_events.page(world.chloe.asker, after=0)
    assert heard.document["type"] == "connection.scopes_changed"
    assert heard.document["data"]["lost"] == ["pages.write"]


@pytest.mark.parametrize(
    ("before", "stated"),
    [
        ("pages.read pages.write", {"scope": "pages.write pages.read"}),
        ("pages.read", {}),
        ("", {"scope": "pages.read"}),
    ],
    ids=["the same", "none stated", "none known before, as of an import"],
)
def test_nothing_is_told_where_nothing_has_changed(
    world: World, stub: StubProvider, before: str, stated: dict[str, str]
) -> None:
    refreshed(world, stub, before=before, **stated)
    assert events("scopes:changed") == []
