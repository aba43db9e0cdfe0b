"""Rotations leave a trace, the previous token stays for the grace, and a refusal is told with its true reason."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Response

from portal.crypto import Secret
from portal.db import db, transaction
from portal.models import PendingGrant
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.rotations import SUSPICIOUS_WITHIN
from portal.rules.status import ConnectionState
from portal.services import connections, refusals, reuse_alarms, token_store, tokens
from tests.crowd import connection_of, grant_of, in_json, set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import events, outbox

pytestmark = pytest.mark.both_databases

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
LATER = NOON + timedelta(minutes=59, seconds=30)
WHOLE_LIFE = timedelta(days=1)
GRACE = pytest.mark.parametrize("grace_s", [60], ids=["a grace of a minute"])


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def ana_stub(portal: Flask, world: World) -> UUID:
    """Ana's connection at the stub, with a one-hour token given at noon."""
    return make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)


def refresh(world: World, connection_id: UUID, now=LATER) -> str:
    """Ask for a token that no present one is long enough for."""
    fresh = tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=WHOLE_LIFE, now=now)
    return fresh.access_token.reveal()


def refused(status: int = 400) -> Response:
    return in_json(status, error="invalid_grant")


def test_each_rotation_is_logged_with_a_fingerprint_that_tells_tokens_apart(
    world: World, ana_stub: UUID, stub: StubProvider
):
    for minutes in range(3):
        refresh(world, ana_stub, LATER + minutes * MINUTE)
    rotations = events("grant:rotated")
    assert [event.at.replace(microsecond=0) for event in rotations] == [LATER + n * MINUTE for n in range(3)]
    assert [event.facts["generation"] for event in rotations] == [2, 3, 4]
    assert len({event.facts["fingerprint"] for event in rotations}) == 3
    assert all("refresh-" not in str(event.facts) for event in rotations)
    assert grant_of(ana_stub).rotated_at == rotations[-1].at


def test_the_same_refresh_token_again_is_no_rotation(world: World, ana_stub: UUID, stub: StubProvider):
    stub.answering = lambda token: in_json(200, access_token="a", expires_in=3600, refresh_token=token)
    refresh(world, ana_stub)
    assert events("grant:rotated") == []
    assert grant_of(ana_stub).rotated_at is None


@GRACE
def test_the_previous_token_is_kept_sealed_for_the_grace_and_wiped_after_it(
    world: World, ana_stub: UUID, stub: StubProvider
):
    refresh(world, ana_stub)
    stored = token_store.read(ana_stub)
    assert stored is not None
    assert stored.secret("previous_refresh_token").reveal() == "refresh-1"
    assert stored.previous_until == stored.issued_at + MINUTE
    assert b"refresh-1" not in grant_of(ana_stub).previous_refresh_token.raw
    tokens.tidy(now=stored.previous_until - timedelta(seconds=1))
    assert grant_of(ana_stub).previous_refresh_token is not None
    tokens.tidy(now=stored.previous_until)
    assert (grant_of(ana_stub).previous_refresh_token, grant_of(ana_stub).previous_until) == (None, None)


def test_without_a_grace_nothing_is_kept_of_the_previous_token(world: World, ana_stub: UUID):
    refresh(world, ana_stub)
    assert grant_of(ana_stub).previous_refresh_token is None


@GRACE
def test_a_provider_that_lost_its_own_rotation_is_shown_the_previous_token(
    world: World, ana_stub: UUID, stub: StubProvider
):
    refresh(world, ana_stub)
    stub.current = "refresh-1"
    assert refresh(world, ana_stub, LATER + timedelta(seconds=10)) == "access-3"
    assert stub.reused == ["refresh-2"]
    assert stub.refreshes == ["refresh-1", "refresh-1"]
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE


@GRACE
def test_a_previous_token_that_is_taken_without_a_new_one_is_the_current_one_again(
    world: World, ana_stub: UUID, stub: StubProvider
):
    refresh(world, ana_stub)
    stub.answering = lambda token: (
        in_json(200, access_token="a", expires_in=3600) if token == "refresh-1" else refused()
    )
    assert refresh(world, ana_stub, LATER + timedelta(seconds=10)) == "a"
    assert token_store.read(ana_stub).secret("refresh_token").reveal() == "refresh-1"


@GRACE
def test_when_both_tokens_are_refused_the_member_is_called_for(world: World, ana_stub: UUID, stub: StubProvider):
    refresh(world, ana_stub)
    asked = []
    stub.answering = lambda token: (asked.append(token), refused())[1]
    with pytest.raises(ReconsentRequired):
        refresh(world, ana_stub, LATER + timedelta(seconds=10))
    assert asked == ["refresh-2", "refresh-1"]
    assert connection_of(ana_stub).state is ConnectionState.NEEDS_RECONSENT


@GRACE
def test_a_second_chance_that_never_got_an_answer_condemns_nobody(world: World, ana_stub: UUID, stub: StubProvider):
    refresh(world, ana_stub)
    stub.answering = lambda token: refused() if token == "refresh-2" else in_json(503, error="server_error")
    with pytest.raises(ProviderUnavailable):
        refresh(world, ana_stub, LATER + timedelta(seconds=10))
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE


@GRACE
@pytest.mark.parametrize("reason", ["the grace is over", "a refresh of ours was interrupted"])
def test_the_previous_token_is_not_shown_when(world: World, ana_stub: UUID, stub: StubProvider, reason: str):
    refresh(world, ana_stub)
    asked = []
    stub.answering = lambda token: (asked.append(token), refused())[1]
    is_over = reason == "the grace is over"
    if not is_over:
        set_grant(ana_stub, lease_owner="a worker that died")
    with pytest.raises(ReconsentRequired):
        refresh(world, ana_stub, LATER + (MINUTE if is_over else timedelta(seconds=10)))
    assert asked == ["refresh-2"]


def test_a_token_refused_minutes_after_it_was_given_is_reported_to_the_admins(
    world: World, ana_stub: UUID, stub: StubProvider
):
    refresh(world, ana_stub)
    stub.answering = lambda _token: refused()
    with pytest.raises(ReconsentRequired) as raised:
        refresh(world, ana_stub, LATER + 5 * MINUTE)
    assert raised.value.reason == reuse_alarms.REASON
    assert connection_of(ana_stub).state_reason == reuse_alarms.REASON
    (suspicion,) = events("grant:reuse_suspected")
    assert suspicion.facts["fingerprint"] == events("grant:rotated")[0].facts["fingerprint"]
    (alert,) = [email for email in outbox() if email.kind == "alert"]
    assert (alert.member_id, alert.place) == (world.chloe.id, f"/admin/connections/{ana_stub}")


@pytest.mark.parametrize("case", ["long after", "interrupted", "a consent's own token"])
def test_an_ordinary_refusal_is_no_suspicion(world: World, ana_stub: UUID, stub: StubProvider, case: str):
    refresh(world, ana_stub)
    stub.answering = lambda _token: refused()
    if case == "interrupted":
        set_grant(ana_stub, lease_owner="a worker that died")
    if case == "a consent's own token":
        set_grant(ana_stub, rotated_at=None)
    with pytest.raises(ReconsentRequired) as raised:
        refresh(world, ana_stub, LATER + (SUSPICIOUS_WITHIN + MINUTE if case == "long after" else MINUTE))
    assert events("grant:reuse_suspected") == []
    assert [email for email in outbox() if email.kind == "alert"] == []
    assert (raised.value.reason == refusals.INTERRUPTED) is (case == "interrupted")


def test_a_token_rotated_while_its_connection_was_disconnected_is_revoked_too(
    portal: Flask, world: World, ana_stub: UUID, stub: StubProvider
):
    def disconnect_meanwhile(_token: str) -> None:
        stub.answering = lambda _token: None
        with portal.app_context():
            connections.disconnect(world.ana.asker, ana_stub, now=LATER)

    stub.answering = disconnect_meanwhile
    with pytest.raises(ReconsentRequired):
        refresh(world, ana_stub)
    assert stub.current == "refresh-2"
    assert stub.revoked == ["refresh-1", "refresh-2"]
    assert connection_of(ana_stub).state is ConnectionState.DISCONNECTED
    assert not connection_of(ana_stub).is_revocation_outstanding


def test_a_rotated_token_that_cannot_be_revoked_now_is_revoked_by_the_tick(
    portal: Flask, world: World, ana_stub: UUID, stub: StubProvider
):
    stub.revoking_status = 503

    def disconnect_meanwhile(_token: str) -> None:
        stub.answering = lambda _token: None
        with portal.app_context():
            connections.disconnect(world.ana.asker, ana_stub, now=LATER)

    stub.answering = disconnect_meanwhile
    with pytest.raises(ReconsentRequired):
        refresh(world, ana_stub)
    assert connection_of(ana_stub).is_revocation_outstanding
    stub.revoking_status, stub.revoked = 200, []
    connections.finish_revocations(now=LATER + MINUTE)
    assert sorted(stub.revoked) == ["refresh-1", "refresh-2"]
    assert not connection_of(ana_stub).is_revocation_outstanding


def test_a_refresh_that_another_attempt_outran_revokes_nothing(
    portal: Flask, world: World, ana_stub: UUID, stub: StubProvider
):
    def outrun(_token: str) -> Response:
        with portal.app_context():
            set_grant(ana_stub, generation=2)
        return in_json(200, access_token="late", expires_in=3600, refresh_token="refresh-late")

    stub.answering = outrun
    assert refresh(world, ana_stub) == "access-1"
    assert stub.revoked == []
    assert parked() == 0


@transaction
def parked() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(PendingGrant)) or 0


def test_secrets_print_as_nothing(ana_stub: UUID):
    assert "refresh-1" not in repr(token_store.read(ana_stub))
    assert str(Secret("refresh-1")) == "•••"
