"""What we ask of a provider, field by field, as its file says."""

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.introspections import introspected
from portal.adapters.oauth import OAuthFailed, RevocationState, TokenAnswer
from portal.adapters.provider_calls import Calls
from portal.crypto import Secret
from portal.providers.schema import Provider
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import NOW, TOKENS, Asked, StandIn, provider_of

REDIRECT_URI = "https://portal.example/consent/callback/stand-in"


@pytest.fixture
def stand_in(httpserver: HTTPServer) -> StandIn:
    return StandIn(httpserver)


def url_of(stand_in: StandIn, provider: Provider, **changes: Any) -> tuple[str, dict[str, str]]:
    usual: dict[str, Any] = {
        "redirect_uri": REDIRECT_URI,
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": "challenge-1",
        "scopes": ["read", "write"],
    }
    parts = urlsplit(oauth.authorization_url(provider, stand_in.app, **usual | changes))
    return f"{parts.scheme}://{parts.netloc}{parts.path}", dict(parse_qsl(parts.query))


def exchange(stand_in: StandIn, provider: Provider) -> TokenAnswer:
    return oauth.exchange_code(
        provider, stand_in.app, code="code-1", redirect_uri=REDIRECT_URI, code_verifier="verifier-1", now=NOW
    )


def refresh(stand_in: StandIn, provider: Provider, **more: Any) -> TokenAnswer:
    return oauth.refresh(provider, stand_in.app, refresh_token=Secret("rt-0"), now=NOW, **more)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# The approval page


def test_the_approval_page_is_asked_for_a_code_with_pkce(stand_in: StandIn) -> None:
    address, params = url_of(stand_in, provider_of())
    assert address == f"{stand_in.base}/authorize"
    assert params == {
        "response_type": "code",
        "client_id": "client-1",
        "redirect_uri": REDIRECT_URI,
        "state": "state-1",
        "scope": "read write",
        "code_challenge": "challenge-1",
        "code_challenge_method": "S256",
    }


def test_an_openid_provider_is_sent_the_nonce_and_found_by_discovery(stand_in: StandIn) -> None:
    stand_in.publishes()
    discovery = '[authorize]\nurl = ""\n[identity]\noidc = { discovery = "{base}/.well-known/openid-configuration" }'
    address, params = url_of(stand_in, provider_of(discovery))
    assert address == f"{stand_in.base}/approve"
    assert params["nonce"] == "nonce-1"


def test_a_provider_that_echoes_no_nonce_is_sent_none(stand_in: StandIn) -> None:
    quiet = '[identity]\noidc = { discovery = "{base}/.well-known/openid-configuration", nonce = false }'
    assert "nonce" not in url_of(stand_in, provider_of(quiet))[1]


def test_scopes_and_the_client_id_are_written_the_providers_way(stand_in: StandIn) -> None:
    changes = '[authorize]\nclient_id_param = "client_key"\nscope = { param = "scopes", separator = "," }\npkce = "off"'
    params = url_of(stand_in, provider_of(changes))[1]
    assert (params["client_key"], params["scopes"]) == ("client-1", "read,write")
    assert not {"client_id", "scope", "code_challenge", "code_challenge_method"} & params.keys()


@pytest.mark.parametrize("said", ["{}", '{ separator = "," }'])
def test_no_scopes_of_the_persons_own_leave_the_others_alone(stand_in: StandIn, said: str) -> None:
    params = url_of(stand_in, provider_of(f"[authorize]\nuser_scope = {said}"))[1]
    assert (params["scope"], "user_scope" in params) == ("read write", False)


def test_scopes_of_the_persons_own_go_beside_the_others(stand_in: StandIn) -> None:
    changes = '[authorize]\nuser_scope = { separator = ",", default = ["chat", "files"] }'
    params = url_of(stand_in, provider_of(changes))[1]
    assert (params["scope"], params["user_scope"]) == ("read write", "chat,files")


STEERING = """
[authorize]
params = { access_type = "offline", prompt = "consent" }
params_reconsent = { prompt = "login" }
params_choose_account = { prompt = "select_account" }
login_hint_param = "login"
"""


@pytest.mark.parametrize(
    ("asked", "prompt"),
    [({}, "consent"), ({"reconsent": True}, "login"), ({"reconsent": True, "choose_account": True}, "select_account")],
)
def test_reconsent_and_account_choice_steer_the_approval_page(
    stand_in: StandIn, asked: dict[str, Any], prompt: str
) -> None:
    params = url_of(stand_in, provider_of(STEERING), login_hint="ana@example.com", **asked)[1]
    assert (params["prompt"], params["access_type"], params["login"]) == (prompt, "offline", "ana@example.com")


def test_no_login_hint_goes_to_a_provider_that_knows_none(stand_in: StandIn) -> None:
    assert "ana@example.com" not in str(url_of(stand_in, provider_of(), login_hint="ana@example.com"))


def test_an_approval_page_with_a_query_of_its_own_keeps_it(stand_in: StandIn) -> None:
    params = url_of(stand_in, provider_of('[authorize]\nurl = "{base}/authorize?brand=7"'))[1]
    assert (params["brand"], params["state"]) == ("7", "state-1")


VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
CHALLENGES = {"S256": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "plain": VERIFIER, "off": ""}


@pytest.mark.parametrize(("method", "challenge"), CHALLENGES.items())
def test_the_challenge_is_made_as_rfc_7636_says(method: str, challenge: str) -> None:
    assert oauth.code_challenge(provider_of(f'[authorize]\npkce = "{method}"'), VERIFIER) == challenge


# The token endpoint


def test_a_code_is_exchanged_by_form_and_basic(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    assert exchange(stand_in, provider_of()).access_token.reveal() == "at-1"
    (asked,) = stand_in.asked
    assert (asked.method, asked.headers["Authorization"]) == ("POST", basic("client-1", "s3cret"))
    assert asked.headers["Accept"] == "application/json"
    assert asked.body == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": REDIRECT_URI,
        "code_verifier": "verifier-1",
    }


def test_basic_credentials_are_form_encoded_first(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    app = stand_in.app_with("p:ss w%rd/é", client_id="a:b")
    oauth.refresh(provider_of(), app, refresh_token=Secret("rt-0"), now=NOW)
    assert stand_in.asked[0].headers["Authorization"] == basic("a%3Ab", "p%3Ass%20w%25rd%2F%C3%A9")


SHAPES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "secret in the body": ('[token]\nauth = "post"', {}, {"client_id": "client-1", "client_secret": "s3cret"}),
    "public client": ('[token]\nauth = "none"', {}, {"client_id": "client-1"}),
    "client_key": (
        '[authorize]\nclient_id_param = "client_key"\n[token]\nauth = "post"\nparams = { client_key = "{client_id}" }',
        {},
        {"client_key": "client-1", "client_secret": "s3cret"},
    ),
    "query": (
        '[token]\nauth = "post"\nmethod = "GET"\nbody = "query"',
        {"client_id": "client-1", "client_secret": "s3cret"},
        {},
    ),
    "json": ('[token]\nauth = "post"\nbody = "json"', {}, {"client_id": "client-1", "client_secret": "s3cret"}),
}


@pytest.mark.parametrize(("changes", "query", "body"), SHAPES.values(), ids=SHAPES)
def test_the_app_proves_itself_the_providers_way(
    stand_in: StandIn, changes: str, query: dict[str, str], body: dict[str, str]
) -> None:
    stand_in.answers("/token", TOKENS)
    refresh(stand_in, provider_of(changes))
    (asked,) = stand_in.asked
    grant = {"grant_type": "refresh_token", "refresh_token": "rt-0"}
    assert (asked.query, asked.body) == ((query | grant, {}) if query else ({}, body | grant))
    assert "Authorization" not in asked.headers
    assert asked.method == ("GET" if query else "POST")


DISCOVERED = """
[authorize]
url = ""
[token]
%s
[identity]
oidc = { discovery = "{base}/.well-known/openid-configuration" }
[revoke]
style = "rfc7009"
[introspect]
url = "{base}/introspect"
"""


@pytest.mark.parametrize(
    ("published", "said", "is_posted"),
    [
        (["client_secret_post", "private_key_jwt"], 'url = ""', True),
        (["client_secret_post", "client_secret_basic"], 'url = ""', False),
        (["private_key_jwt"], 'url = ""', False),
        ("client_secret_post", 'url = ""', False),
        (None, 'url = ""', False),
        (["client_secret_post"], 'url = ""\nauth = "basic"', False),
        (["client_secret_post"], 'url = "{base}/token"', False),
    ],
)
def test_without_a_word_of_the_file_the_secret_is_shown_as_the_provider_publishes(
    stand_in: StandIn, published: object, said: str, is_posted: bool
) -> None:
    stand_in.publishes(**({"token_endpoint_auth_methods_supported": published} if published else {}))
    for path in ("/token", "/revoke", "/introspect"):
        stand_in.answers(path, TOKENS | {"active": True})
    provider = provider_of(DISCOVERED % said)
    assert provider.introspect is not None
    exchange(stand_in, provider)
    refresh(stand_in, provider)
    oauth.revoke(provider, stand_in.app, access_token=None, refresh_token=Secret("rt-1"), now=NOW)
    introspected(Calls(provider, stand_in.app), provider.introspect, Secret("at-1"), now=NOW)
    asked = [one for one in stand_in.asked if one.method == "POST"]
    assert [one.body.get("client_secret") == "s3cret" for one in asked] == [is_posted] * 4
    assert ["Authorization" in one.headers for one in asked] == [not is_posted] * 4


def test_the_files_headers_are_sent(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    refresh(
        stand_in, provider_of('[token]\nheaders = { Accept = "application/vnd.acme+json", X-Client = "{client_id}" }')
    )
    assert stand_in.asked[0].headers["Accept"] == "application/vnd.acme+json"
    assert stand_in.asked[0].headers["X-Client"] == "client-1"


def test_a_refresh_sends_scope_and_redirect_uri_only_where_the_file_says_so(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    refresh(stand_in, provider_of(), redirect_uri=REDIRECT_URI, scopes=["read"])
    both = "[refresh]\nsend_redirect_uri = true\nsend_scope = true"
    refresh(stand_in, provider_of(both), redirect_uri=REDIRECT_URI, scopes=["read"])
    first, second = stand_in.asked
    assert not {"redirect_uri", "scope"} & first.body.keys()
    assert (second.body["redirect_uri"], second.body["scope"]) == (REDIRECT_URI, "read")


def test_an_exchange_shows_the_access_token_as_the_file_says(stand_in: StandIn) -> None:
    stand_in.answers("/refresh", {"access_token": "at-2", "expires_in": 5184000})
    changes = """
    [refresh]
    mode = "exchange"
    url = "{base}/refresh"
    method = "GET"
    body = "query"
    auth = "none"
    params = { grant_type = "ig_refresh_token", access_token = "{access_token}" }
    """
    assert refresh(stand_in, provider_of(changes)).access_token.reveal() == "at-2"
    (asked,) = stand_in.asked
    assert asked.query == {"grant_type": "ig_refresh_token", "access_token": "rt-0", "client_id": "client-1"}


def test_a_short_lived_token_is_upgraded_in_a_second_hop(stand_in: StandIn) -> None:
    stand_in.answers("/token", {"access_token": "short", "user_id": 7, "scope": "read"})
    stand_in.answers("/longer", {"access_token": "long", "expires_in": 5184000})
    changes = """
    [token.upgrade]
    url = "{base}/longer"
    params = { grant_type = "fb_exchange", token = "{access_token}", client_secret = "{client_secret}" }
    """
    tokens = exchange(stand_in, provider_of(changes))
    assert tokens.access_token.reveal() == "long"
    assert (tokens.scopes, tokens.extra) == (frozenset({"read"}), {"/user_id": 7})
    assert stand_in.asked[1].query == {
        "grant_type": "fb_exchange",
        "token": "short",
        "client_secret": "s3cret",
    }


# Several secrets


def test_a_replaced_secret_is_followed_by_the_next_one(stand_in: StandIn) -> None:
    stand_in.answers("/token", {"error": "invalid_client"}, 401, times=1)
    stand_in.answers("/token", TOKENS, times=1)
    app = stand_in.app_with("old", "new")
    assert oauth.refresh(provider_of(), app, refresh_token=Secret("rt-0"), now=NOW).access_token.reveal() == "at-1"
    assert [one.headers["Authorization"] for one in stand_in.asked] == [
        basic("client-1", "old"),
        basic("client-1", "new"),
    ]


def test_a_dead_grant_is_not_tried_with_the_other_secret(stand_in: StandIn) -> None:
    stand_in.answers("/token", {"error": "invalid_grant"}, 400)
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider_of(), stand_in.app_with("old", "new"), refresh_token=Secret("rt-0"), now=NOW)
    assert failed.value.verdict.fault is Fault.REVOKED
    assert len(stand_in.asked) == 1


def test_when_no_secret_is_right_it_is_the_apps_fault(stand_in: StandIn) -> None:
    stand_in.answers("/token", {"error": "invalid_client"}, 401)
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider_of(), stand_in.app_with("old", "new"), refresh_token=Secret("rt-0"), now=NOW)
    assert failed.value.verdict.fault is Fault.APP_CONFIG
    assert len(stand_in.asked) == 2


# Revocation


def revoke(stand_in: StandIn, provider: Provider, *, refresh_token: str | None = "rt-1") -> oauth.Revocation:
    token = Secret(refresh_token) if refresh_token else None
    return oauth.revoke(provider, stand_in.app, access_token=Secret("at-1"), refresh_token=token, now=NOW)


RFC7009 = '[revoke]\nstyle = "rfc7009"\nurl = "{base}/revoke"\n'


def test_a_grant_is_revoked_by_its_refresh_token(stand_in: StandIn) -> None:
    stand_in.answers("/revoke", "")
    assert revoke(stand_in, provider_of(RFC7009)).state is RevocationState.DONE
    (asked,) = stand_in.asked
    assert asked.body == {"token": "rt-1", "token_type_hint": "refresh_token"}
    assert asked.headers["Authorization"] == basic("client-1", "s3cret")


def test_without_a_refresh_token_the_access_token_is_revoked(stand_in: StandIn) -> None:
    stand_in.answers("/revoke", "")
    revoke(stand_in, provider_of(RFC7009), refresh_token=None)
    assert stand_in.asked[0].body == {"token": "at-1", "token_type_hint": "access_token"}


def test_the_file_may_prefer_the_access_token_and_another_way(stand_in: StandIn) -> None:
    stand_in.answers("/apps/client-1/token", "", 204)
    changes = """
    [revoke]
    style = "custom"
    url = "{base}/apps/{client_id}/token"
    method = "DELETE"
    body = "json"
    token = "access"
    params = { access_token = "{access_token}" }
    """
    assert revoke(stand_in, provider_of(changes)).state is RevocationState.DONE
    (asked,) = stand_in.asked
    assert (asked.method, asked.body) == ("DELETE", {"access_token": "at-1"})


def test_a_person_may_revoke_with_their_own_token(stand_in: StandIn) -> None:
    stand_in.answers("/permissions", "true")
    changes = (
        '[revoke]\nstyle = "custom"\nurl = "{base}/permissions"\nmethod = "DELETE"\ntoken = "access"\nauth = "bearer"'
    )
    assert revoke(stand_in, provider_of(changes)).state is RevocationState.DONE
    assert stand_in.asked[0].headers["Authorization"] == "Bearer at-1"


def test_a_provider_without_revocation_is_said_to_have_none(stand_in: StandIn) -> None:
    assert revoke(stand_in, provider_of()).state is RevocationState.UNSUPPORTED
    assert stand_in.asked == []


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {}, RevocationState.DONE),
        (400, {"error": "invalid_token"}, RevocationState.DONE),
        (400, {"error": "invalid_grant"}, RevocationState.DONE),
        (401, {"error": "invalid_client"}, RevocationState.OUTSTANDING),
        (429, {}, RevocationState.OUTSTANDING),
        (503, "<html>", RevocationState.OUTSTANDING),
        (302, "", RevocationState.OUTSTANDING),
        (400, {"error": "unsupported_token_type"}, RevocationState.OUTSTANDING),
    ],
)
def test_what_is_not_plainly_ended_is_outstanding(
    stand_in: StandIn, status: int, body: object, state: RevocationState
) -> None:
    stand_in.answers("/revoke", body, status)
    outcome = revoke(stand_in, provider_of(RFC7009))
    assert outcome.state is state
    assert bool(outcome.reason) is (state is RevocationState.OUTSTANDING)


def test_a_provider_that_cannot_be_discovered_leaves_the_revocation_outstanding(stand_in: StandIn) -> None:
    changes = (
        '[revoke]\nstyle = "rfc7009"\n[identity]\noidc = { discovery = "{base}/.well-known/openid-configuration" }'
    )
    stand_in.answers("/.well-known/openid-configuration", "", 503)
    assert revoke(stand_in, provider_of(changes)).state is RevocationState.OUTSTANDING


def test_no_request_carries_a_secret_in_its_address_unless_the_file_says_query(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    stand_in.answers("/revoke", "")
    provider = provider_of(RFC7009)
    exchange(stand_in, provider)
    refresh(stand_in, provider)
    revoke(stand_in, provider)
    asked: list[Asked] = stand_in.asked
    assert [one.query for one in asked] == [{}, {}, {}]
