from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Response

from portal.db import db, transaction
from portal.models import Connection, Event, Grant
from portal.rules import incidents as incident_rules
from portal.rules.problems import NotFound, ProviderUnavailable, ReconsentRequired, SignInRequired
from portal.rules.status import ConnectionState
from portal.services import api_keys, incidents, refusals, token_store, tokens
from tests import refreshes
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
LATER = NOON + timedelta(minutes=59, seconds=30)  # less than the usual 60 s are left of an hour


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def ana_stub(portal: Flask, world: World) -> UUID:
    """Ana's connection at the stub, with a one-hour token given at noon."""
    return make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)


@transaction
def grant_of(connection_id: UUID) -> Grant:
    return db.session.get_one(Grant, connection_id, populate_existing=True)


@transaction
def connection_of(connection_id: UUID) -> Connection:
    return db.session.get_one(Connection, connection_id, populate_existing=True)


@transaction
def events(connection_id: UUID) -> list[str]:
    return list(db.session.scalars(db.select(Event.kind).filter_by(connection_id=connection_id).order_by(Event.id)))


def test_a_fresh_token_is_handed_out_without_asking_the_provider(world: World, ana_stub: UUID, stub: StubProvider):
    fresh = tokens.fresh_access_token(world.ana.asker, ana_stub, now=NOON)
    assert (fresh.access_token.reveal(), fresh.generation, fresh.expires_at) == ("access-1", 1, NOON + HOUR)
    assert stub.refreshes == []


@pytest.mark.parametrize(
    ("min_ttl", "refreshes"),
    [(timedelta(seconds=30), 0), (None, 1), (timedelta(seconds=31), 1), (timedelta(days=9), 1)],
)
def test_a_token_that_lives_too_short_for_the_caller_is_refreshed_first(
    world: World, ana_stub: UUID, stub: StubProvider, min_ttl: timedelta | None, refreshes: int
):
    fresh = tokens.fresh_access_token(world.ana.asker, ana_stub, min_ttl=min_ttl, now=LATER)
    assert len(stub.refreshes) == refreshes
    assert fresh.generation == 1 + refreshes


def test_a_refresh_stores_the_rotated_token_sealed_and_logs_it(world: World, ana_stub: UUID, stub: StubProvider):
    tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER)
    stored = token_store.read(ana_stub)
    assert stored is not None
    assert stored.secret("refresh_token").reveal() == "refresh-2"
    assert b"refresh-2" not in grant_of(ana_stub).refresh_token.raw
    assert stored.lease_owner is None
    assert "grant:rotated" in events(ana_stub)


def test_many_callers_at_once_cause_one_refresh(portal: Flask, world: World, ana_stub: UUID, stub: StubProvider):
    stub.delay_s = 0.2

    def ask(_number: int) -> str:
        with portal.app_context():
            return tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER).access_token.reveal()

    with ThreadPoolExecutor(12) as pool:
        answers = set(pool.map(ask, range(24)))
    assert answers == {"access-2"}
    assert stub.refreshes == ["refresh-1"]
    assert stub.reused == []


def test_another_process_waits_for_the_holder_of_the_lease_and_takes_its_tokens(
    portal: Flask, make_app, environ: dict[str, str], world: World, ana_stub: UUID, stub: StubProvider
):
    stub.delay_s = 0.3
    processes = [portal, make_app(environ)]

    def ask(app: Flask) -> str:
        with app.app_context():
            grant = token_store.read(ana_stub)
            assert grant is not None
            return refreshed_alone(grant).secret("access_token").reveal()

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(ask, processes)) == {"access-2"}
    assert stub.refreshes == ["refresh-1"]


def refreshed_alone(grant: token_store.StoredGrant) -> token_store.StoredGrant:
    """As another process would: without the single flight that the threads of one process share."""
    from portal.services import refreshing

    return refreshing._lead(grant, LATER)


def test_a_dead_refresh_token_calls_for_the_member(world: World, ana_stub: UUID, stub: StubProvider):
    stub.current = "revoked by its owner"
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER)
    connection = connection_of(ana_stub)
    assert connection.state is ConnectionState.NEEDS_RECONSENT
    assert connection.consent_expires_at is not None
    assert connection.consent_expires_at < LATER + timedelta(seconds=5)
    assert grant_of(ana_stub).refresh_due_at is None


def test_a_late_loser_believes_the_winner_and_condemns_nothing(
    portal: Flask, world: World, ana_stub: UUID, stub: StubProvider
):
    def somebody_else_first(_token: str) -> Response:
        stub.answering = lambda _token: None
        with portal.app_context():
            assert refreshes.bring(ana_stub, "winner", now=LATER)
        return Response('{"error": "invalid_grant"}', 400, mimetype="application/json")

    stub.answering = somebody_else_first
    fresh = tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER)
    assert fresh.access_token.reveal() == "winner"
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>down</html>", 503, mimetype="text/html"),
        Response('{"error": "invalid_grant"}', 429, mimetype="application/json", headers={"Retry-After": "90"}),
        Response('{"error": "invalid_client"}', 401, mimetype="application/json"),
        Response('{"token_type": "bearer"}', 200, mimetype="application/json"),
    ],
    ids=["outage", "rate-limited", "wrong-secret", "no-token"],
)
def test_what_says_nothing_about_the_credentials_leaves_the_connection_alone(
    world: World, ana_stub: UUID, stub: StubProvider, answer: Response
):
    stub.answering = lambda _token: answer
    with pytest.raises(ProviderUnavailable) as raised:
        tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER)
    assert raised.value.retry_after >= timedelta(seconds=30)
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE
    grant = grant_of(ana_stub)
    assert (grant.failures, grant.generation, grant.lease_until) == (1, 1, None)
    assert grant.refresh_due_at > LATER


def busy(retry_after_s: int) -> Response:
    return Response("{}", 429, mimetype="application/json", headers={"Retry-After": str(retry_after_s)})


def test_however_often_backends_ask_the_provider_rests_as_long_as_it_wants_to(
    world: World, ana_stub: UUID, stub: StubProvider
):
    asked: list[str] = []
    stub.answering = lambda token: asked.append(token) or busy(600)
    rests = []
    for n in range(5):
        with pytest.raises(ProviderUnavailable) as raised:
            tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER + n * SECOND)
        rests.append(raised.value.retry_after)
    assert asked == ["refresh-1"]
    assert rests[-1] > timedelta(seconds=590)
    assert rests == sorted(rests, reverse=True)
    stub.answering = lambda _token: None
    due_at = grant_of(ana_stub).refresh_due_at
    assert tokens.fresh_access_token(world.ana.asker, ana_stub, now=due_at).generation == 2


def test_the_background_tries_again_when_it_is_time(ana_stub: UUID, stub: StubProvider):
    stub.answering = lambda _token: busy(600)
    tokens.refresh_batch([ana_stub], now=LATER)
    stub.answering = lambda _token: None
    due_at = grant_of(ana_stub).refresh_due_at
    assert tokens.claim_due_batches(now=due_at) == ((ana_stub,),)
    assert tokens.refresh_batch([ana_stub], now=due_at) == 1


@pytest.mark.parametrize("grace_s", [60], ids=["a grace of a minute"])
def test_after_a_lost_answer_a_backend_that_asks_within_the_grace_saves_the_rotation(
    world: World, ana_stub: UUID, stub: StubProvider
):
    lose_an_answer(ana_stub)
    assert tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER + SECOND).generation == 2


def test_without_a_grace_a_lost_answer_is_waited_out_like_any_failure(world: World, ana_stub: UUID, stub: StubProvider):
    lose_an_answer(ana_stub)
    with pytest.raises(ProviderUnavailable):
        tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER + SECOND)
    assert stub.refreshes == []


def lose_an_answer(connection_id: UUID) -> None:
    grant, until = token_store.read(connection_id), LATER + timedelta(seconds=20)
    assert grant is not None
    assert token_store.lease(grant, "whoever asked", until=until, now=LATER)
    assert token_store.postpone(grant, "transient", until=until, is_answer_lost=True, now=LATER)


def test_a_refresh_interrupted_by_a_crash_is_done_again_once_its_lease_is_over(
    world: World, ana_stub: UUID, stub: StubProvider
):
    grant = token_store.read(ana_stub)
    assert grant is not None
    assert token_store.lease(grant, "a worker that dies", until=LATER + timedelta(seconds=20), now=LATER)
    assert tokens.claim_due_batches(now=LATER - timedelta(minutes=50)) == ()
    assert tokens.claim_due_batches(now=LATER + timedelta(seconds=20)) == ((ana_stub,),)
    assert tokens.refresh_batch([ana_stub], now=LATER + timedelta(seconds=20)) == 1
    assert stub.refreshes == ["refresh-1"]


def test_an_interrupted_refresh_without_grace_is_told_with_its_true_reason(
    world: World, ana_stub: UUID, stub: StubProvider
):
    grant = token_store.read(ana_stub)
    assert grant is not None
    token_store.lease(grant, "a worker that dies", until=LATER + timedelta(seconds=20), now=LATER)
    stub.current = "rotated, but nobody stored it"
    tokens.claim_due_batches(now=LATER + timedelta(seconds=20))
    tokens.refresh_batch([ana_stub], now=LATER + timedelta(seconds=20))
    connection = connection_of(ana_stub)
    assert connection.state is ConnectionState.NEEDS_RECONSENT
    assert "interrupted" in (connection.state_reason or "")


def test_what_is_due_is_claimed_once(ana_stub: UUID):
    due = NOON + timedelta(minutes=50)
    assert tokens.claim_due_batches(now=due) == ((ana_stub,),)
    assert tokens.claim_due_batches(now=due) == ()
    assert tokens.claim_due_batches(now=due + token_store.CLAIM_LASTS) == ((ana_stub,),)


def test_a_batch_that_waited_and_was_rung_again_meanwhile_refreshes_once(ana_stub: UUID, stub: StubProvider):
    now = NOON + timedelta(minutes=50)
    for _ in range(3):
        assert tokens.claim_due_batches(now=now) == ((ana_stub,),)
        now += token_store.CLAIM_LASTS
    assert [tokens.refresh_batch([ana_stub], now=now + n * SECOND) for n in range(3)] == [1, 0, 0]
    assert stub.refreshes == ["refresh-1"]


def test_a_batch_that_was_rung_again_asks_no_sooner_than_the_provider_allows(ana_stub: UUID, stub: StubProvider):
    asked: list[str] = []
    stub.answering = lambda token: asked.append(token) or busy(600)
    now = NOON + timedelta(minutes=50)
    tokens.refresh_batch([ana_stub], now=now)
    tokens.refresh_batch([ana_stub], now=now + timedelta(minutes=6))  # the provider's own rest is over, not this one's
    assert asked == ["refresh-1"]


def test_a_refusal_after_the_consents_announced_end_is_no_surprise(world: World, portal: Flask, stub: StubProvider):
    ended = make_connection(world.ana, provider_id="stub", consent_ends_in=timedelta(minutes=30))
    stub.current = "ended"
    with pytest.raises(ReconsentRequired) as raised:
        tokens.fresh_access_token(world.ana.asker, ended, now=LATER)
    assert raised.value.since == NOON + timedelta(minutes=30)
    assert connection_of(ended).state is ConnectionState.ACTIVE


def test_after_an_announced_end_the_provider_is_not_asked_with_the_dead_token_again(
    world: World, portal: Flask, stub: StubProvider
):
    ended = make_connection(world.ana, provider_id="stub", consent_ends_in=timedelta(minutes=30))
    stub.current = "ended"
    for n in range(3):
        with pytest.raises(ReconsentRequired) as raised:
            tokens.fresh_access_token(world.ana.asker, ended, now=LATER + n * HOUR)
        assert (raised.value.reason, raised.value.since) == (refusals.ENDED, NOON + timedelta(minutes=30))
    assert stub.reused == ["refresh-1"]
    assert tokens.claim_due_batches(now=LATER + 9 * HOUR) == ()


def test_announced_ends_at_one_moment_are_no_incident(world: World, portal: Flask, stub: StubProvider):
    stub.current = "ended"
    for n in reversed(range(incident_rules.LEAST)):
        ended = make_connection(world.ana, provider_id="stub", consent_ends_in=timedelta(minutes=30) if n else None)
        with pytest.raises(ReconsentRequired):
            tokens.fresh_access_token(world.ana.asker, ended, now=LATER)
    assert incidents.open_ones(world.chloe.asker) == ()


def test_without_a_refresh_token_the_end_of_the_access_token_is_the_end(
    world: World, portal: Flask, stub: StubProvider
):
    bare = make_connection(world.ana, provider_id="stub", refresh_token=None)
    with pytest.raises(ReconsentRequired) as raised:
        tokens.fresh_access_token(world.ana.asker, bare, now=LATER)
    assert raised.value.since == NOON + HOUR


def test_nobody_reaches_another_organizations_tokens(world: World, ana_stub: UUID):
    with pytest.raises(NotFound):
        tokens.fresh_access_token(world.eve.asker, ana_stub, now=NOON)
    _, key = api_keys.create(world.eve.asker, "Globex sync", now=NOON)
    with pytest.raises(NotFound):
        tokens.fresh_token_for_key(key.reveal(), ana_stub, min_ttl=None, now=NOON)


def test_a_key_fetches_until_it_is_revoked(world: World, ana_stub: UUID):
    view, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    fresh = tokens.fresh_token_for_key(key.reveal(), ana_stub, min_ttl=None, now=NOON)
    assert fresh.access_token.reveal() == "access-1"
    api_keys.revoke(world.chloe.asker, view.id, now=NOON)
    with pytest.raises(SignInRequired):
        tokens.fresh_token_for_key(key.reveal(), ana_stub, min_ttl=None, now=NOON)


@pytest.mark.parametrize("state", [ConnectionState.DISCONNECTED, ConnectionState.DISPLACED, ConnectionState.INVITED])
def test_a_connection_that_holds_no_login_gives_no_token(world: World, portal: Flask, state: ConnectionState):
    gone = make_connection(world.ana, provider_id="stub", state=state)
    _, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    with pytest.raises(ReconsentRequired):
        tokens.fresh_token_for_key(key.reveal(), gone, min_ttl=None, now=NOON)
