"""The ID token of a refresh: another login's tokens are kept and given to nobody, what proves nothing is only noted."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.db import db, transaction
from portal.models import Connection
from portal.models.email import EmailKind
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.status import ConnectionState
from portal.services import condemning, token_store, tokens
from tests.crowd import change_file, connection_of, grant_of, in_json
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import events, outbox

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)
LATER = NOON + timedelta(minutes=50)
KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-1"})
USERINFO = 'source = "userinfo"\nuserinfo = {{ url = "{url}/me", subject = "/id", label = "/name" }}'


@pytest.fixture
def bearer() -> str:
    return "access_token"


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, environ: dict[str, str], bearer: str, request: pytest.FixtureRequest) -> Iterator[Flask]:
    well_known = "/.well-known/openid-configuration"
    oidc = f'oidc = {{ discovery = "{stub.url}{well_known}" }}\n\n[api]\nbearer = "{bearer}"'
    change_file(environ, USERINFO.format(url=stub.url), oidc)
    document = {"issuer": stub.url, "jwks_uri": f"{stub.url}/jwks"}
    stub.server.expect_request(well_known).respond_with_json(document)
    stub.server.expect_request("/jwks").respond_with_json({"keys": [KEY.as_dict(private=False)]})
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        yield app


@pytest.fixture
def ana_stub(portal: Flask, world: World) -> UUID:
    return make_connection(world.ana, provider_id="stub", subject="ana")


def id_token(stub: StubProvider, sub: str, *, key: RSAKey = KEY, at: datetime = LATER) -> str:
    seconds = int(at.timestamp())
    claims = {"iss": stub.url, "aud": "portal", "sub": sub, "iat": seconds, "exp": seconds + 600}
    return jwt.encode({"alg": "RS256", "kid": "key-1"}, claims, key, ["RS256"])


def bring(stub: StubProvider, **fields: object) -> None:
    """Let every refresh bring an access token, another refresh token, and these fields."""
    given = {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 3600} | fields
    stub.answering = lambda _token: in_json(200, **given)


def ask(world: World, connection_id: UUID, now: datetime = LATER) -> str:
    fresh = tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=HOUR, now=now)
    return fresh.access_token.reveal()


def test_the_same_login_goes_on(world: World, ana_stub: UUID, stub: StubProvider):
    bring(stub, id_token=id_token(stub, "ana"))
    assert ask(world, ana_stub) == "access-2"
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE


def test_another_logins_tokens_are_written_and_given_to_nobody(world: World, ana_stub: UUID, stub: StubProvider):
    bring(stub, id_token=id_token(stub, "somebody else"))
    with pytest.raises(ReconsentRequired) as raised:
        ask(world, ana_stub)
    assert raised.value.reason == condemning.ANOTHER_LOGIN
    stored = token_store.read(ana_stub)
    assert stored is not None
    assert stored.secret("refresh_token").reveal() == "refresh-2"
    assert (stored.state, stored.state_reason) == (ConnectionState.NEEDS_RECONSENT, condemning.ANOTHER_LOGIN)
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(world.ana.asker, ana_stub, now=LATER + timedelta(seconds=1))
    assert [event.connection_id for event in events("subject:changed")] == [ana_stub]
    assert [email.member_id for email in outbox() if email.kind is EmailKind.ALERT] == [world.chloe.id]


@pytest.mark.parametrize("what", ["missing", "of yesterday", "signed by another", "nonsense"])
def test_an_id_token_that_proves_nothing_stops_nobody(world: World, ana_stub: UUID, stub: StubProvider, what: str):
    proofs = {
        "of yesterday": id_token(stub, "somebody else", at=LATER - timedelta(days=1)),
        "signed by another": id_token(stub, "somebody else", key=OTHER_KEY),
        "nonsense": "nonsense",
    }
    bring(stub, **({"id_token": proofs[what]} if what in proofs else {}))
    assert ask(world, ana_stub) == "access-2"
    assert connection_of(ana_stub).state is ConnectionState.ACTIVE


@pytest.mark.parametrize("bearer", ["id_token"])
def test_where_data_calls_show_the_id_token_an_unproved_one_is_not_handed_out(
    world: World, ana_stub: UUID, stub: StubProvider
):
    bring(stub, id_token=id_token(stub, "ana", key=OTHER_KEY))
    with pytest.raises(ProviderUnavailable):
        ask(world, ana_stub)
    stored = token_store.read(ana_stub)
    assert stored is not None
    assert stored.secret("refresh_token").reveal() == "refresh-2"
    assert grant_of(ana_stub).refresh_due_at is not None
    since = grant_of(ana_stub).failing_since
    with pytest.raises(ProviderUnavailable):
        ask(world, ana_stub, LATER + timedelta(minutes=1))
    assert grant_of(ana_stub).failing_since == since
    good = id_token(stub, "ana")
    bring(stub, id_token=good)
    assert ask(world, ana_stub, LATER + timedelta(minutes=2)) == good
    assert grant_of(ana_stub).failing_since is None


def test_a_login_nobody_knew_before_is_not_taken_for_another(world: World, portal: Flask, stub: StubProvider):
    unknown = make_connection(world.ana, provider_id="stub")
    forget_subject(unknown)
    bring(stub, id_token=id_token(stub, "ana"))
    assert ask(world, unknown) == "access-2"


@transaction
def forget_subject(connection_id: UUID) -> None:
    db.session.get_one(Connection, connection_id).subject = None
