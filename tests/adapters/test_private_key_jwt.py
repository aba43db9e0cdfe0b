"""Our app proves itself by signing (private_key_jwt): what a strict provider sees, and keys tried in turn."""

from dataclasses import replace

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.crypto import Secret
from portal.providers.apps import ProviderApp, missing_names, read_app
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import NOW, TOKENS, StandIn, provider_of
from tests.key_provider import PrivateKey, ec_key, pem, public_pem, rsa_key

SIGNING = """
[token]
auth = "private_key_jwt"

[revoke]
style = "rfc7009"
url = "{base}/revoke"
"""
RSA, EC = rsa_key(), ec_key()
PREFIX = "PORTAL_PROVIDER_STAND_IN_"


@pytest.fixture
def stand_in(httpserver: HTTPServer) -> StandIn:
    return StandIn(httpserver)


def signing(stand_in: StandIn, *keys: PrivateKey) -> ProviderApp:
    return replace(stand_in.app_with(), client_keys=tuple(Secret(pem(key).decode()) for key in keys))


def claims_in(text: str, key: PrivateKey) -> dict[str, object]:
    kind, word = (RSAKey, "RS256") if key is RSA else (ECKey, "ES256")
    return dict(jwt.decode(text, kind.import_key(public_pem(key)), [word]).claims)


@pytest.mark.parametrize("key", [RSA, EC], ids=["RSA", "EC"])
def test_a_refresh_carries_an_assertion_of_our_own(stand_in: StandIn, key: PrivateKey):
    stand_in.answers("/token", TOKENS)
    oauth.refresh(provider_of(SIGNING), signing(stand_in, key), refresh_token=Secret("rt-0"), now=NOW)
    (asked,) = stand_in.asked
    assert asked.body["client_id"] == "client-1"
    assert asked.body["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_secret" not in asked.body
    assert "Authorization" not in asked.headers
    claims = claims_in(asked.body["client_assertion"], key)
    assert len(str(claims.pop("jti"))) >= 16
    made = int(NOW.timestamp())
    usual = {"iss": "client-1", "sub": "client-1", "iat": made, "exp": made + 120}
    assert claims == usual | {"aud": f"{stand_in.base}/token"}


def test_a_revocation_is_signed_for_the_same_audience(stand_in: StandIn):
    stand_in.answers("/revoke", "")
    app = signing(stand_in, RSA)
    oauth.revoke(provider_of(SIGNING), app, access_token=Secret("at-1"), refresh_token=None, now=NOW)
    assert claims_in(stand_in.asked[0].body["client_assertion"], RSA)["aud"] == f"{stand_in.base}/token"


def test_a_file_may_name_another_audience(stand_in: StandIn):
    stand_in.answers("/token", TOKENS)
    provider = provider_of('[token]\nauth = "private_key_jwt"\nclient_audience = "https://id.acme.example"')
    oauth.refresh(provider, signing(stand_in, RSA), refresh_token=Secret("rt-0"), now=NOW)
    assert claims_in(stand_in.asked[0].body["client_assertion"], RSA)["aud"] == "https://id.acme.example"


def test_keys_are_tried_in_turn_while_the_app_is_refused(stand_in: StandIn):
    stand_in.answers("/token", {"error": "invalid_client"}, 401, times=1)
    stand_in.answers("/token", TOKENS, times=1)
    oauth.refresh(provider_of(SIGNING), signing(stand_in, RSA, EC), refresh_token=Secret("rt-0"), now=NOW)
    first, second = (asked.body["client_assertion"] for asked in stand_in.asked)
    assert claims_in(first, RSA)["jti"] != claims_in(second, EC)["jti"]


def test_a_key_that_cannot_sign_is_our_own_fault(stand_in: StandIn):
    app = replace(stand_in.app_with(), client_keys=(Secret("-----BEGIN PRIVATE KEY-----\nAAAA\n"),))
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider_of(SIGNING), app, refresh_token=Secret("rt-0"), now=NOW)
    assert failed.value.verdict.fault is Fault.APP_CONFIG
    assert stand_in.asked == []


def test_the_operator_gives_a_key_instead_of_a_secret():
    provider = provider_of(SIGNING)
    needed = (f"{PREFIX}CLIENT_ID", f"{PREFIX}CLIENT_KEY", f"{PREFIX}BASE")
    assert missing_names(provider, {}) == needed
    given = {f"{PREFIX}CLIENT_ID": "client-1", f"{PREFIX}BASE": "https://id.acme.example"}
    both = pem(RSA).decode() + pem(EC).decode()
    found = read_app(provider, given | {f"{PREFIX}CLIENT_KEY": both})
    assert found.app is not None
    assert [key.reveal()[:27] for key in found.app.client_keys] == ["-----BEGIN PRIVATE KEY-----"] * 2
    (problem,) = read_app(provider, given | {f"{PREFIX}CLIENT_KEY": "hunter2"}).problems
    assert problem.startswith(f"{PREFIX}CLIENT_KEY is not set, or holds no")
    assert "hunter2" not in problem
