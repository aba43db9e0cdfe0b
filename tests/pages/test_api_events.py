"""GET /api/v1/events: what a backend that polls is told."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from portal import clock
from portal.services import api_keys, publishing
from portal.services.audit import EventKind
from tests.factories import World, make_connection
from tests.outbox import events
from tests.webhooks import happen


class Poller:
    """A backend with a key."""

    def __init__(self, app: Flask, key: str) -> None:
        self.client, self.headers = app.test_client(), {"Authorization": f"Bearer {key}"}

    def get(self, expected: int = 200, **query: Any) -> dict[str, Any]:
        response = self.client.get("/api/v1/events", query_string=query, headers=self.headers)
        assert response.status_code == expected, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return response.get_json(force=True)


@pytest.fixture
def poller(app: Flask, world: World) -> Poller:
    with app.app_context():
        return Poller(app, api_keys.create(world.chloe.asker, "Poller", now=clock.now())[1].reveal())


@pytest.fixture
def five(poller: Poller, app: Flask, world: World) -> list[int]:
    """The ids of five public events of Acme, between others that are private or Eve's."""
    with app.app_context():
        connection_id = make_connection(world.ana, consent_ends_in=timedelta(days=90), now=clock.now())
        for _ in range(5):
            happen(world.ana, connection_id, EventKind.CONNECTION_RECONNECTED, login="secret login")
        happen(world.eve, make_connection(world.eve))
        publishing.publish(now=clock.now())
        return [event.id for event in events("connection:reconnected")]


def test_a_poller_goes_on_where_it_was(poller: Poller, five: list[int]) -> None:
    first = poller.get(limit=2)
    second = poller.get(limit=2, after=first["next_after"])
    third = poller.get(limit=2, after=second["next_after"])
    seen = [event["id"] for answer in (first, second, third) for event in answer["events"]]
    assert seen == five
    assert poller.get(after=third["next_after"]) == {"events": [], "next_after": third["next_after"]}


def test_an_event_says_what_it_is_about_and_nothing_private(poller: Poller, five: list[int]) -> None:
    (event,) = poller.get(limit=1)["events"]
    assert set(event) == {"id", "type", "at", "data"}
    assert event["type"] == "connection.reconnected"
    assert set(event["data"]) == {"connection_id", "provider", "nickname", "member"}
    assert "secret login" not in str(event)


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"after": "-1"}, {"after": "9" * 30}, {"limit": "0"}, {"limit": "1001"}, {"beyond": "1"}]
)
def test_what_is_wrong_in_the_query_is_named(poller: Poller, query: dict[str, str]) -> None:
    problem = poller.get(expected=400, **query)
    assert set(problem["errors"]) == set(query)
    assert problem["code"] == "invalid_request"


def test_a_key_is_needed(app: Flask) -> None:
    assert app.test_client().get("/api/v1/events").status_code == 401
