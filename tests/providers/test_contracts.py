"""Every provider of the catalog is asked exactly what its documentation wants, field by field.

A stand-in takes all of the provider's hosts on itself: each `https://host` of the file becomes a path of it. It answers
the requests that the contract names and no other; what it was asked is then compared with the contract, written down by
hand and not derived from the file.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from portal.adapters import oauth
from portal.adapters.hooks import HOOKS
from portal.adapters.introspections import introspected
from portal.adapters.oauth import OAuthFailed, RevocationState, TokenAnswer
from portal.adapters.provider_calls import Calls
from portal.crypto import Secret
from portal.providers.apps import ProviderApp, read_app, variable_name, with_scopes_of
from portal.providers.catalog import BUILT_IN, load_catalog, read_file
from portal.providers.checks import HOOKS as NAMED_HOOKS
from portal.providers.schema import Provider
from portal.providers.words import RefreshMode
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import KEY, NOW
from tests.providers.contract import (
    CHALLENGE,
    CLIENT,
    HINT,
    ID_TOKEN,
    NONCE,
    REDIRECT,
    SECRET,
    STATE,
    VERIFIER,
    Call,
    Contract,
    Tokens,
)
from tests.providers.contracts_identity import IDENTITY
from tests.providers.contracts_social import SOCIAL
from tests.providers.contracts_work import WORK

CONTRACTS: dict[str, Contract] = {**SOCIAL, **WORK, **IDENTITY}
DEMO = {"demo-social", "demo-video"}  # held to their contracts by the demo's own tests
HTTPS = re.compile(r"https://([^/\"\s]+)")


@dataclass
class Everyone:
    """All hosts of one provider on one server; `asked` holds what came, apart from discovery and keys."""

    server: HTTPServer
    contract: Contract
    answers: list[Call] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server.expect_request(re.compile(".*")).respond_with_handler(self._respond)

    @property
    def base(self) -> str:
        return str(self.server.url_for("")).rstrip("/")

    def here(self, text: str) -> str:
        """The text with every address moved to this server."""
        return HTTPS.sub(lambda found: f"{self.base}/{found[1]}", text)

    def there(self, text: str) -> str:
        """The text with every address where it belongs."""
        return text.replace(f"{self.base}/", "https://")

    def id_token(self) -> str:
        claims = dict(self.contract.claims)
        moments = {"iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + claims.pop("exp_in", 600)}
        moved = {name: self.here(one) if name in {"iss", "sub"} else one for name, one in claims.items()}
        return jwt.encode({"alg": "RS256", "kid": KEY.kid}, {"aud": CLIENT} | moved | moments, KEY, ["RS256"])

    def _respond(self, request: Request) -> Response:
        address = self.there(f"{self.base}{request.path}")
        if address == self.contract.discovery:
            return _json({name: self.here(one) for name, one in self.contract.publishes.items()})
        if address == self.contract.publishes.get("jwks_uri"):
            return _json({"keys": [dict(KEY.as_dict(private=False))]})
        self.asked.append(_as_call(request, address))
        known = next((call for call in self.answers if call.to == self.asked[-1].to), None)
        if known is None:
            return Response("nothing lives here", 404)
        self.answers.remove(known)
        return self._answer(known)

    def _answer(self, call: Call) -> Response:
        if isinstance(call.answer, str):
            return Response(call.answer, content_type="text/plain")
        text = json.dumps(call.answer).replace(ID_TOKEN, self.id_token())
        return Response(self.here(text) if "/id/00D" in text else text, content_type="application/json")


def _json(document: object) -> Response:
    return Response(json.dumps(document), content_type="application/json")


def _as_call(request: Request, address: str) -> Call:
    body, kind = request.get_data(as_text=True), request.headers.get("Content-Type", "")
    is_json = kind == "application/json"
    assert is_json or kind == ("application/x-www-form-urlencoded" if body else ""), (address, kind)
    return Call(
        to=f"{request.method} {address}",
        authorization=request.headers.get("Authorization", ""),
        query=_once(request.query_string.decode()),
        form={} if is_json else _once(body),
        json=json.loads(body) if is_json else None,
        accept=request.headers["Accept"],
    )


def _once(text: str) -> dict[str, str]:
    """The parameters of a query or form, each of which may come but once."""
    pairs = parse_qsl(text, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), text
    return dict(pairs)


@dataclass
class Visit:
    """A provider's file as shipped, with the stand-in in place of the world."""

    provider: Provider
    app: ProviderApp
    world: Everyone

    @property
    def contract(self) -> Contract:
        return self.world.contract

    def expecting(self, *calls: Call) -> None:
        self.world.answers, self.world.asked = list(calls), []

    def was_asked(self, *calls: Call) -> None:
        """Compares what came with the calls, all but their answers."""
        expected = [{**vars(call), "answer": ""} for call in calls]
        assert [vars(call) for call in self.world.asked] == expected

    def page(self, **more: Any) -> tuple[str, dict[str, str]]:
        url = oauth.authorization_url(
            self.provider,
            self.app,
            redirect_uri=REDIRECT,
            state=STATE,
            nonce=NONCE,
            code_challenge=CHALLENGE,
            scopes=self.provider.authorize.scope.default,
            **more,
        )
        address, _, query = url.partition("?")
        return self.world.there(address), {name: self.world.there(one) for name, one in _once(query).items()}

    def exchanged(self) -> TokenAnswer:
        self.expecting(*self.contract.exchange)
        return oauth.exchange_code(
            self.provider, self.app, code="code-1", redirect_uri=REDIRECT, code_verifier=VERIFIER, now=NOW
        )

    def renewed(self) -> TokenAnswer:
        """A refresh as the portal makes it: an exchanging provider is shown the access token."""
        held = self.contract.tokens.refresh or self.contract.tokens.access
        return oauth.refresh(
            self.provider,
            self.app,
            refresh_token=Secret(held),
            redirect_uri=REDIRECT,
            scopes=["read", "write"],
            now=NOW,
        )


def visit(provider_id: str, contract: Contract, server: HTTPServer, folder: Path) -> Visit:
    world = Everyone(server, contract)
    path = folder / f"{provider_id}.toml"
    path.write_text(world.here((BUILT_IN / path.name).read_text(encoding="utf-8")), encoding="utf-8")
    hosts = frozenset({f"{server.host}:{server.port}"})
    reading = read_file(path, private_hosts=hosts)
    assert reading.provider is not None, reading.problems
    environ = _environ(provider_id, contract, world)
    provider = with_scopes_of(environ, reading.provider)
    found = read_app(provider, environ, private_hosts=hosts | {f"{folder.name}.example:1"})
    assert found.app is not None, found.problems
    return Visit(provider, found.app.having(contract.entered), world)


def _environ(provider_id: str, contract: Contract, world: Everyone) -> dict[str, str]:
    words = {"client_id": CLIENT, "client_secret": SECRET, "scopes": contract.scopes}
    words |= {name: world.here(value) for name, value in contract.vars.items()}
    return {variable_name(provider_id, word): value for word, value in words.items()}


@pytest.fixture(params=sorted(CONTRACTS))
def visited(request: pytest.FixtureRequest, httpserver: HTTPServer, tmp_path: Path) -> Visit:
    return visit(request.param, CONTRACTS[request.param], httpserver, tmp_path)


def as_tokens(answer: TokenAnswer) -> Tokens:
    """What was made of an answer, in the contract's words."""

    def life(end: datetime | None) -> int | None:
        return None if end is None else round((end - NOW) / timedelta(seconds=1))

    return Tokens(
        access=answer.access_token.reveal(),
        refresh=answer.refresh_token.reveal() if answer.refresh_token else None,
        life=life(answer.expires_at),
        refresh_life=life(answer.refresh_expires_at),
        scopes=answer.scopes,
    )


def test_every_provider_people_can_connect_has_a_contract() -> None:
    connectable = {one.id for one in load_catalog(None, {}).all if one.kind.has_app and not one.kind.is_service}
    assert connectable - DEMO == CONTRACTS.keys()


def test_the_approval_page_is_asked_for_as_the_provider_wants(visited: Visit) -> None:
    contract = visited.contract
    usual = dict(contract.page_params)
    assert visited.page() == (contract.page, usual)
    assert visited.page(reconsent=True)[1] == usual | dict(contract.again)
    assert visited.page(choose_account=True)[1] == usual | dict(contract.choose)
    hint = {contract.hint_param: HINT} if contract.hint_param else {}
    assert visited.page(login_hint=HINT)[1] == usual | hint


def test_what_was_left_ticked_is_read_as_the_provider_tells(visited: Visit) -> None:
    contract = visited.contract
    callback = {"code": "code-1", "state": STATE, "scope": "as asked", "": "all"} | dict(contract.callback)
    assert oauth.scopes_granted(visited.provider, callback) == contract.granted


def test_a_code_is_exchanged_as_the_provider_wants(visited: Visit) -> None:
    answer = visited.exchanged()
    visited.was_asked(*visited.contract.exchange)
    assert answer.token_type.lower() == "bearer"
    assert {
        name: visited.world.here(one) for name, one in visited.contract.kept.items()
    }.items() <= answer.extra.items()
    tokens = as_tokens(answer)
    expected = visited.contract.tokens
    if expected.access == ID_TOKEN:  # signed anew each time
        assert tokens.access.count(".") == 2
        expected = Tokens(**{**vars(expected), "access": tokens.access})
    assert tokens == expected


def test_who_it_is_is_found_as_the_provider_tells(visited: Visit) -> None:
    answer = visited.exchanged()
    visited.expecting(*visited.contract.whoami)
    identity = oauth.identify(visited.provider, visited.app, answer, nonce=NONCE, now=NOW)
    visited.was_asked(*visited.contract.whoami)
    assert (identity.subject, identity.label) == (visited.contract.subject, visited.contract.label)
    assert tuple(identity.secondary.values()) == visited.contract.secondary


def test_what_is_shared_is_listed_as_the_provider_tells(visited: Visit) -> None:
    visited.expecting(*visited.contract.accounts)
    accounts = oauth.shared_accounts(visited.provider, visited.app, Secret("at-1"))
    visited.was_asked(*visited.contract.accounts)
    assert tuple(f"{account.id} {account.name}" for account in accounts) == visited.contract.account_names


def test_tokens_are_renewed_as_the_provider_wants(visited: Visit) -> None:
    if visited.contract.renewed is None:
        assert visited.provider.refresh.mode is RefreshMode.NONE
        return
    visited.expecting(*visited.contract.renewal)
    answer = visited.renewed()
    assert as_tokens(answer) == visited.contract.renewed
    assert answer.token_type.lower() == "bearer"
    visited.was_asked(*visited.contract.renewal)


def test_a_token_is_probed_as_the_provider_wants(visited: Visit) -> None:
    probes = [visited.contract.probe] if visited.contract.probe else list(visited.contract.whoami)
    visited.expecting(*probes)
    token = Secret(visited.contract.api_bearer)
    if not probes:
        with pytest.raises(OAuthFailed):
            oauth.is_alive(visited.provider, visited.app, token, now=NOW)
        return
    assert oauth.is_alive(visited.provider, visited.app, token, now=NOW)
    visited.was_asked(*probes)


def test_a_provider_is_asked_about_a_token_as_it_wants(visited: Visit) -> None:
    rules, call = visited.provider.introspect, visited.contract.introspection
    assert (rules is None) == (call is None)
    if rules and call:
        visited.expecting(call)
        assert (
            introspected(Calls(visited.provider, visited.app), rules, Secret("at-1"), now=NOW).document == call.answer
        )
        visited.was_asked(call)


def test_a_refresh_tokens_end_is_asked_for_as_the_provider_wants(visited: Visit) -> None:
    call = visited.contract.refresh_asked
    visited.expecting(*([call] if call else []))
    end = oauth.refresh_end(visited.provider, visited.app, Secret("rt-1"), now=NOW)
    assert end == (NOW + timedelta(seconds=visited.contract.refresh_asked_life) if call else None)
    visited.was_asked(*([call] if call else []))


def test_a_grant_is_ended_as_the_provider_wants(visited: Visit) -> None:
    tokens, call = visited.contract.tokens, visited.contract.revocation
    visited.expecting(*([call] if call else []))
    outcome = oauth.revoke(
        visited.provider,
        visited.app,
        access_token=Secret(visited.contract.api_bearer),
        refresh_token=Secret(tokens.refresh) if tokens.refresh else None,
        now=NOW,
    )
    assert outcome.state is (RevocationState.DONE if call else RevocationState.UNSUPPORTED)
    visited.was_asked(*([call] if call else []))


# What a provider says instead of tokens, inside a 200 too, is never taken for any

REFUSALS: list[tuple[str, object, Fault]] = [
    ("github-app", {"error": "bad_refresh_token"}, Fault.REVOKED),
    ("github-app", {"error": "incorrect_client_credentials"}, Fault.APP_CONFIG),
    ("slack", {"ok": False, "error": "invalid_refresh_token"}, Fault.REVOKED),
    ("slack", {"ok": False, "error": "bad_client_secret", "access_token": "no"}, Fault.APP_CONFIG),
    ("slack-bot", {"ok": False, "error": "token_rotation_not_enabled"}, Fault.APP_CONFIG),
    ("slack", {"ok": False, "access_token": "no"}, Fault.TRANSIENT),
    ("tiktok", {"error": "invalid_grant", "access_token": "no"}, Fault.REVOKED),
    ("hubspot", {"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token"}, Fault.REVOKED),
    ("instagram", {"error": {"code": 190, "error_subcode": 463, "message": "?"}}, Fault.EXPIRED),
    ("facebook", {"error": {"code": 1, "message": "?"}}, Fault.APP_CONFIG),
    ("akoya", {"access_token": "at-2", "refresh_token": "rt-2"}, Fault.TRANSIENT),
    ("zoom", {"reason": "Invalid Token!", "error": "invalid_request"}, Fault.REVOKED),
]


@pytest.mark.parametrize(("provider_id", "body", "fault"), REFUSALS)
def test_a_refusal_inside_a_success_is_no_token(
    provider_id: str, body: object, fault: Fault, httpserver: HTTPServer, tmp_path: Path
) -> None:
    visited = visit(provider_id, CONTRACTS[provider_id], httpserver, tmp_path)
    (call,) = visited.contract.renewal
    visited.expecting(Call(to=call.to, answer=body))
    with pytest.raises(OAuthFailed) as failed:
        visited.renewed()
    assert failed.value.verdict.fault is fault


def test_both_hops_of_an_exchange_follow_a_replaced_secret(httpserver: HTTPServer, tmp_path: Path) -> None:
    visited = visit("facebook", CONTRACTS["facebook"], httpserver, tmp_path)
    first, second = visited.contract.exchange
    wrong = Call(to=first.to, answer={"error": {"code": 1, "message": "?"}})
    visited.expecting(wrong, first, Call(to=second.to, answer=wrong.answer), second)
    app = ProviderApp(CLIENT, (Secret("old"), Secret(SECRET)), visited.app.vars, visited.app.private_hosts)
    answer = oauth.exchange_code(visited.provider, app, code="code-1", redirect_uri=REDIRECT, code_verifier="", now=NOW)
    assert answer.access_token.reveal() == "at-1"
    assert [call.query["client_secret"] for call in visited.world.asked] == ["old", SECRET, "old", SECRET]


def test_every_hook_a_file_may_name_is_there() -> None:
    assert HOOKS.keys() == NAMED_HOOKS


def test_the_stand_in_answers_only_what_a_contract_names(httpserver: HTTPServer, tmp_path: Path) -> None:
    visited = visit("x", CONTRACTS["x"], httpserver, tmp_path)
    visited.expecting()
    with pytest.raises(OAuthFailed):
        visited.renewed()
    assert urlsplit(visited.world.base).hostname in {"localhost", "127.0.0.1"}
