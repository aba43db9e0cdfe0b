"""Every provider that takes a key is asked exactly what its documentation wants, and the assertion says no more."""

from dataclasses import replace
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.assertions import ServiceKey
from portal.adapters.oauth import RevocationState, TokenAnswer
from portal.crypto import Secret
from portal.providers.catalog import load_catalog
from tests.adapters.stand_in import KEY, NOW
from tests.providers.contracts_service import ASSERTION, CREDENTIAL, KEY_ID, SERVICES, ServiceContract
from tests.providers.test_contracts import Visit, as_tokens, visit

CASES = [(name, contract) for name, contracts in SERVICES.items() for contract in contracts]
PEM = KEY.as_pem(private=True).decode()


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} {case[1].subject}")
def visited(request: pytest.FixtureRequest, httpserver: HTTPServer, tmp_path: Path) -> Visit:
    name, contract = request.param
    moved = visit(name, contract, httpserver, tmp_path)
    entered = {key: moved.world.here(value) for key, value in contract.entered.items()}
    return replace(moved, app=moved.app.having(entered))


def key_of(contract: ServiceContract) -> ServiceKey:
    if contract.has_credential:
        return ServiceKey(Secret(CREDENTIAL))
    return ServiceKey(Secret(PEM), contract.algorithm, KEY_ID if contract.kid == KEY_ID else "")


def fetched(visited: Visit) -> TokenAnswer:
    contract = visited.contract
    visited.expecting(contract.token)
    shown = oauth.assertion(visited.provider, visited.app, key_of(contract), now=NOW)
    asked = contract.entered.get("scope", "").split()
    return oauth.refresh(visited.provider, visited.app, refresh_token=shown, scopes=asked, now=NOW)


def test_every_provider_that_takes_a_key_has_a_contract() -> None:
    assert {one.id for one in load_catalog(None, {}).all if one.kind.is_service} == SERVICES.keys()


def test_a_token_is_asked_for_as_the_provider_wants(visited: Visit) -> None:
    contract = visited.contract
    answer = fetched(visited)
    (asked,) = visited.world.asked
    assertion = asked.form["assertion"]
    visited.world.asked = [replace(asked, form={**asked.form, "assertion": ASSERTION})]
    visited.was_asked(contract.token)
    assert as_tokens(answer) == contract.tokens
    assert {name: visited.world.here(one) for name, one in contract.kept.items()}.items() <= answer.extra.items()
    check_assertion(visited, assertion)


def check_assertion(visited: Visit, assertion: str) -> None:
    """What a strict provider looks at: the signature, who, for whom, to whom, until when, and that it is a new one."""
    contract: ServiceContract = visited.contract
    if contract.has_credential:
        assert assertion == CREDENTIAL
        return
    token = jwt.decode(assertion, RSAKey.import_key(KEY.as_pem(private=False)), ["RS256"])
    usual = {"alg": contract.algorithm, "typ": "JWT"}
    assert token.header == usual | ({"kid": contract.kid} if contract.kid else {})
    claims = {
        name: visited.world.there(value) if isinstance(value, str) else value for name, value in token.claims.items()
    }
    moments = {name: claims.pop(name) for name in ("iat", "exp")}
    assert len(claims.pop("jti")) >= 16
    assert claims == contract.claims
    assert moments == {"iat": int(NOW.timestamp()), "exp": int(NOW.timestamp()) + contract.life_s}


def test_no_two_assertions_are_alike(visited: Visit) -> None:
    if not visited.contract.has_credential:
        key = key_of(visited.contract)
        one, other = (oauth.assertion(visited.provider, visited.app, key, now=NOW) for _ in range(2))
        assert one.reveal() != other.reveal()


def test_whom_the_key_speaks_for_is_found_as_the_provider_tells(visited: Visit) -> None:
    answer = fetched(visited)
    visited.expecting(*visited.contract.whoami)
    identity = oauth.identify(visited.provider, visited.app, answer, nonce=None, now=NOW)
    visited.was_asked(*visited.contract.whoami)
    assert (identity.subject, identity.label) == (visited.contract.subject, visited.contract.label)


def test_the_token_is_ended_as_the_provider_wants(visited: Visit) -> None:
    call = visited.contract.revocation
    visited.expecting(*([call] if call else []))
    outcome = oauth.revoke(visited.provider, visited.app, access_token=Secret("at-1"), refresh_token=None, now=NOW)
    assert outcome.state is (RevocationState.DONE if call else RevocationState.UNSUPPORTED)
    visited.was_asked(*([call] if call else []))
