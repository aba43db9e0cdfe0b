"""A client secret is replaced without an outage, and the dead one is told."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

import jobs.tokens
from portal import clock
from portal.adapters import dead_secrets
from portal.rules.problems import ProviderUnavailable
from portal.services import app_secrets, doctor, token_store, tokens
from portal.services.doctor import Health
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import outbox

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, environ: dict[str, str]) -> Iterator[None]:
    """Two secrets; what other tests of this process noted is forgotten."""
    environ["PORTAL_PROVIDER_STUB_CLIENT_SECRET"] = "first-secret, second-secret"
    dead_secrets.drain()
    yield
    dead_secrets.drain()


def doctors_words() -> tuple[Health, str]:
    (found,) = (one for one in doctor.examine(machine_now=clock.machine_now) if one.part == "deadlines")
    return found.health, found.words


def test_a_secret_that_stops_working_stops_nothing(context: Flask, world: World, stub: StubProvider) -> None:
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR, now=clock.now())
    always = timedelta(days=9)
    assert tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=always, now=clock.now()).generation == 2
    stub.refused_secrets = {"first-secret"}
    assert tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=always, now=clock.now()).generation == 3
    assert stub.shown_secrets == ["first-secret", "first-secret", "second-secret"]
    assert stub.reused == []


def test_the_refused_secret_is_told_to_admins_once_and_by_the_doctor(
    context: Flask, world: World, stub: StubProvider
) -> None:
    stub.refused_secrets = {"first-secret"}
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR, now=clock.now() - HOUR)
    assert doctors_words()[0] is Health.WELL
    assert jobs.tokens.refresh_batch([str(connection_id)]) == 1
    (email,) = outbox()
    assert (email.member_id, email.place) == (world.chloe.id, "/admin/providers/stub")
    assert email.detail["title"] == "Stub refuses client secret 1 of 2"
    assert "first-secret" not in str(email.detail)
    health, words = doctors_words()
    assert health is Health.WARNING
    assert "Stub: client secret 1 of 2 was refused on" in words
    dead_secrets.note("stub", 1)
    assert app_secrets.tell_dead(now=clock.now()) == 0


def test_a_removed_secret_is_spoken_of_no_more(
    context: Flask, make_app: object, environ: dict[str, str], world: World, stub: StubProvider
) -> None:
    make_connection(world.ana, provider_id="stub", now=clock.now())
    dead_secrets.note("stub", 1)
    app_secrets.tell_dead(now=clock.now())
    later = make_app(environ | {"PORTAL_PROVIDER_STUB_CLIENT_SECRET": "second-secret"})  # type: ignore[operator]
    with later.app_context():
        assert doctors_words()[0] is Health.WELL


def test_where_every_secret_is_refused_none_is_called_the_dead_one(
    context: Flask, world: World, stub: StubProvider
) -> None:
    stub.refused_secrets = {"first-secret", "second-secret"}
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR, now=clock.now() - HOUR)
    with pytest.raises(ProviderUnavailable):
        tokens.fresh_access_token(world.ana.asker, connection_id, now=clock.now())
    assert dead_secrets.drain() == {}
    grant = token_store.read(connection_id)
    assert grant is not None
    assert grant.last_fault == "app-config"
