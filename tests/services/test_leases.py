"""Who holds a lease is alone with the provider, and what the provider gives is written, whatever happens meanwhile."""

import json
import sqlite3
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal.crypto import Sealed
from portal.db import db
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.status import ConnectionState
from portal.services import connections, refreshing, refusals, token_store, tokens
from portal.services.token_store import StoredGrant
from tests.crowd import Crowd, connection_of, grant_of, in_json, make_crowd, set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import outbox
from tests.patience import eventually

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DUE = NOON + 50 * MINUTE
LATER = NOON + 59 * MINUTE + 30 * SECOND
OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def ana_stub(portal: Flask, world: World) -> UUID:
    """Ana's connection at the stub, with a one-hour token given at noon."""
    return make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)


def read(connection_id: UUID) -> StoredGrant:
    grant = token_store.read(connection_id)
    assert grant is not None
    return grant


@pytest.mark.both_databases
def test_the_tick_leaves_whoever_is_at_the_provider_alone(portal: Flask, ana_stub: UUID, stub: StubProvider):
    seen = []

    def tick_meanwhile(_token: str) -> None:
        with portal.app_context():
            claimed = tokens.claim_due_batches(now=DUE)
            seen.append((claimed, grant_of(ana_stub).lease_until))

    stub.answering = tick_meanwhile
    assert refreshing.refreshed(read(ana_stub), DUE).generation == 2
    ((claimed, lease_until),) = seen
    assert claimed == ()
    assert lease_until is not None


@pytest.mark.parametrize("grace_s", [3], ids=["a lease of one second and a half"])
def test_a_lease_that_was_written_too_late_is_not_asked_under(
    portal: Flask,
    make_app: Callable[[Mapping[str, str]], Flask],
    environ: dict[str, str],
    ana_stub: UUID,
    stub: StubProvider,
):
    other, grant = make_app(environ), read(ana_stub)
    stub.delay_s = 0.3

    def refresh(process: Flask) -> int:
        with process.app_context():
            return refreshing.refreshed(grant, LATER).generation

    with closing(sqlite3.connect(db.engine.url.database or "", isolation_level=None, check_same_thread=False)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        release = threading.Timer(2.0, lambda: hog.execute("ROLLBACK"))  # longer than the lease
        release.start()
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(refresh, [portal, other])) == [2, 2]
        release.join()
    assert stub.refreshes == ["refresh-1"]
    assert stub.reused == []


@pytest.mark.postgresql
def test_new_tokens_survive_a_database_that_restarts_while_the_provider_is_asked(
    portal: Flask, ana_stub: UUID, stub: StubProvider
):
    def restart(_token: str) -> None:
        with portal.app_context(), db.engine.connect() as connection:
            connection.execute(OTHERS)

    stub.answering = restart
    assert refreshing.refreshed(read(ana_stub), LATER).generation == 2
    assert read(ana_stub).secret("refresh_token").reveal() == stub.current == "refresh-2"


@pytest.mark.postgresql
def test_new_tokens_survive_a_deadlock_with_a_disconnection(portal: Flask, ana_stub: UUID, stub: StubProvider):
    """The disconnection locks the connection before the grant, a refresh that moves the human's date the other way."""
    day = 86_400
    stub.answering = lambda _token: in_json(
        200, access_token="a", refresh_token="refresh-2", expires_in=3600, refresh_token_expires_in=90 * day
    )

    def refresh() -> object:
        with portal.app_context():
            try:
                return refreshing.refreshed(read(ana_stub), LATER)
            except ReconsentRequired as gone:
                return gone

    with ThreadPoolExecutor(1) as pool, db.engine.connect() as other:
        other.execute(text("SELECT 1 FROM connections WHERE id = :id FOR UPDATE"), {"id": ana_stub})
        refreshed = pool.submit(refresh)
        assert eventually(lambda: _are_waiting(1))
        other.execute(text("UPDATE grants SET failures = failures WHERE connection_id = :id"), {"id": ana_stub})
        other.rollback()
        result = refreshed.result(20)
    assert isinstance(result, StoredGrant)
    assert read(ana_stub).secret("refresh_token").reveal() == "refresh-2"


def _are_waiting(many: int) -> bool:
    with db.engine.connect() as connection:
        return (connection.scalar(WAITING) or 0) >= many


@pytest.mark.both_databases
def test_who_waited_for_a_refresher_that_died_tells_the_true_reason(ana_stub: UUID, stub: StubProvider):
    set_grant(ana_stub, rotated_at=LATER - 3 * MINUTE)
    before = read(ana_stub)
    assert token_store.lease(before, "a worker that dies", until=LATER + SECOND, now=LATER)
    stub.current = "rotated, but nobody stored it"
    with pytest.raises(ReconsentRequired) as raised:
        refreshing.refreshed(before, LATER)
    assert raised.value.reason == connection_of(ana_stub).state_reason == refusals.INTERRUPTED
    assert [email for email in outbox() if email.kind == "alert"] == []


def test_a_new_token_that_has_ended_already_is_given_to_nobody(world: World, ana_stub: UUID, stub: StubProvider):
    claims = urlsafe_b64encode(json.dumps({"exp": int((LATER - HOUR).timestamp())}).encode()).decode().rstrip("=")
    ended = f"eyJhbGciOiJub25lIn0.{claims}.x"
    stub.answering = lambda _token: in_json(200, access_token=ended, refresh_token="refresh-2", expires_in=3600)
    with pytest.raises(ProviderUnavailable):
        tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER)
    assert read(ana_stub).secret("refresh_token").reveal() == "refresh-2"


def test_who_was_disconnected_meanwhile_is_not_put_off_but_never_due(world: World, ana_stub: UUID):
    connections.disconnect(world.ana.asker, ana_stub, now=DUE)
    token_store.put_off({ana_stub: DUE + MINUTE}, now=DUE)
    assert grant_of(ana_stub).refresh_due_at is None
    assert tokens.claim_due_batches(now=DUE + 2 * MINUTE) == ()


def test_one_that_cannot_be_opened_holds_up_nobody_and_its_admins_are_told_once(world: World, stub: StubProvider):
    crowd = Crowd(stub)
    broken, *others = sorted(make_crowd(world.ana, 20))
    set_grant(broken, refresh_token=Sealed(b"gone:" + bytes(40)))
    for now in (DUE, DUE + 2 * HOUR):
        for batch in tokens.claim_due_batches(now=now):
            tokens.refresh_batch(batch, now=now)
    assert {grant_of(one).generation for one in others} == {3}
    assert crowd.calls == 2 * len(others)
    (alert,) = [email for email in outbox() if email.kind == "alert"]
    assert (alert.member_id, alert.place) == (world.chloe.id, f"/admin/connections/{broken}")
    assert connection_of(broken).state is ConnectionState.ACTIVE
