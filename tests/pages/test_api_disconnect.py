from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal import clock
from portal.db import db, reading
from portal.models import Event, PendingGrant, Reminder
from portal.rules.status import ConnectionState
from portal.services import api_keys, leftover_rounds
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.page import Page
from tests.pages.backend import Backend, checked, key_of

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def provider(stub: StubProvider) -> StubProvider:
    """Running before there is a portal."""
    return stub


@pytest.fixture
def backend(stub: StubProvider, app: Flask, world: World) -> Backend:
    return Backend(app, key_of(app, world.chloe))


@pytest.fixture
def ana_stub(backend: Backend, app: Flask, world: World) -> UUID:
    with app.app_context():
        return make_connection(world.ana, provider_id="stub", now=clock.now())


def disconnect(backend: Backend, connection_id: UUID, expected: int = 204) -> TestResponse:
    response = backend.send("DELETE", f"/connections/{connection_id}")
    assert response.status_code == expected, response.text
    return response


@reading
def events(connection_id: UUID) -> list[Event]:
    return list(db.session.scalars(db.select(Event).filter_by(connection_id=connection_id).order_by(Event.id)))


def test_it_is_ended_here_and_at_the_provider(backend: Backend, ana_stub: UUID, stub: StubProvider):
    response = disconnect(backend, ana_stub)
    assert response.data == b""
    assert response.headers["Cache-Control"] == "no-store"
    assert backend.get(f"/connections/{ana_stub}")["status"] == "disconnected"
    problem = backend.post(f"/connections/{ana_stub}/token", 409)
    assert (problem["code"], problem["reason"]) == ("reconsent_required", "The backend “Archive” disconnected it.")
    assert stub.revoked == ["refresh-1"]


def test_the_log_names_the_key_that_did_it(app: Flask, world: World, backend: Backend, ana_stub: UUID):
    disconnect(backend, ana_stub)
    with app.app_context():
        (key,) = api_keys.all_of(world.chloe.asker)
        (told,) = (one for one in events(ana_stub) if one.kind == "connection:disconnected")
    assert (told.actor, told.member_id) == (f"api_key:{key.id}", world.ana.id)


def test_its_member_finds_it_disconnected_since_when_and_by_whom(
    app: Flask, world: World, page: Page, backend: Backend, ana_stub: UUID
):
    disconnect(backend, ana_stub)
    page.sign_in(world.ana)
    assert "Disconnected" in page.get("/connections").text
    shown = page.get(f"/connections/{ana_stub}").text
    assert "No backend gets a token for it since" in shown
    assert "The backend “Archive” disconnected it." in shown


def test_a_second_time_changes_nothing(app: Flask, backend: Backend, ana_stub: UUID, stub: StubProvider):
    for _ in range(3):
        disconnect(backend, ana_stub)
    assert len(stub.revoked) == 1
    with app.app_context():
        assert [one.kind for one in events(ana_stub)].count("connection:disconnected") == 1


def test_what_the_provider_does_not_confirm_is_tried_again(
    app: Flask, backend: Backend, ana_stub: UUID, stub: StubProvider
):
    stub.revoking_status = 503
    disconnect(backend, ana_stub)
    with app.app_context():
        assert outstanding(ana_stub) == [True]
        stub.revoking_status = 200
        leftover_rounds.end_all(now=clock.now() + timedelta(hours=1))
        assert outstanding(ana_stub) == [False]


@reading
def outstanding(connection_id: UUID) -> list[bool]:
    query = db.select(PendingGrant.is_revocation_outstanding).filter_by(connection_id=connection_id)
    return list(db.session.scalars(query))


@reading
def next_reminder(connection_id: UUID) -> object:
    return db.session.scalar(db.select(Reminder.next_at).filter_by(connection_id=connection_id))


def test_nobody_is_reminded_of_it_any_more(app: Flask, backend: Backend, ana_stub: UUID):
    disconnect(backend, ana_stub)
    with app.app_context():
        assert next_reminder(ana_stub) is None


@pytest.mark.parametrize("state", [ConnectionState.INVITED, ConnectionState.DISPLACED, ConnectionState.NEEDS_RECONSENT])
def test_a_connection_in_any_state_can_be_ended(app: Flask, world: World, backend: Backend, state: ConnectionState):
    with app.app_context():
        other = make_connection(world.ana, provider_id="stub", state=state, now=clock.now())
    disconnect(backend, other)
    assert backend.get(f"/connections/{other}")["status"] == "disconnected"


def test_a_foreign_connection_is_the_same_404_as_a_missing_one_and_lives_on(
    app: Flask, world: World, backend: Backend, ana_stub: UUID, stub: StubProvider
):
    eve = Backend(app, key_of(app, world.eve))
    told = [checked(disconnect(eve, one, 404), 404) for one in (ana_stub, uuid4())]
    assert told[0] == told[1]
    assert backend.get(f"/connections/{ana_stub}")["status"] == "active"
    assert stub.revoked == []


def test_a_key_for_other_providers_ends_nothing(app: Flask, world: World, backend: Backend, ana_stub: UUID):
    with app.app_context():
        _, key = api_keys.create(world.chloe.asker, "Films", providers=["demo-video"], now=clock.now())
    disconnect(Backend(app, key.reveal()), ana_stub, 404)
    assert backend.get(f"/connections/{ana_stub}")["status"] == "active"
