"""The provider is strict about authorization requests and codes: a careless client fails against it."""

import pytest
import requests

from tests.demo_provider import Client, DemoProvider


def error_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


def test_a_consent_ends_in_tokens_that_must_not_be_stored_by_caches(social: Client) -> None:
    response = social.exchange(social.consent("social-business").parameters["code"])
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    assert answer.keys() == {
        "access_token", "token_type", "expires_in", "refresh_token", "refresh_token_expires_in", "scope", "id_token",
    }  # fmt: skip
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 3600, "openid profile email")
    assert answer["refresh_token_expires_in"] == 60 * 86_400


def test_the_callback_names_state_and_issuer(social: Client) -> None:
    callback = social.consent("social-personal")
    assert callback.address == social.redirect_uri
    assert callback.parameters["state"] == social.state
    assert callback.parameters["iss"] == social.issuer


def test_unknown_parameters_are_ignored(social: Client) -> None:
    social.provider.control("social/next-consent", sub="social-personal")
    assert "code" in social.authorize(fancy="yes", ui_locales="de").parameters


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_comes_back_as_an_error(social: Client, changes: dict[str, str | None], error: str) -> None:
    callback = social.authorize(**changes)
    assert callback.parameters["error"] == error
    assert callback.parameters["state"] == social.state
    assert callback.parameters["iss"] == social.issuer
    assert "code" not in callback.parameters


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "somebody-else"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "http://portal.example:8000/consent/callback/demo-social/"},
        {"redirect_uri": "http://portal.example:8000/consent/callback/demo-social?x=1"},
        {"redirect_uri": "http://evil.example/consent/callback/demo-social"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(social: Client, changes: dict[str, str | None]) -> None:
    response = social.provider.http.get(social.authorize_url(**changes), allow_redirects=False, timeout=20)
    assert response.status_code == 400
    assert "This request cannot continue" in response.text


def test_a_parameter_given_twice_is_refused(social: Client) -> None:
    response = social.provider.http.get(
        social.authorize_url() + "&redirect_uri=http://evil.example/", allow_redirects=False, timeout=20
    )
    assert response.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "x" * 43},
        {"redirect_uri": "http://portal.example:8000/consent/callback/demo-video"},
    ],
)
def test_a_code_is_bound_to_verifier_and_redirect_address(social: Client, changes: dict[str, str]) -> None:
    code = social.consent("social-personal").parameters["code"]
    assert error_of(social.exchange(code, **changes)) == (400, "invalid_grant")


def test_a_code_that_was_never_issued_is_refused(social: Client) -> None:
    assert error_of(social.exchange("social_code_never-issued")) == (400, "invalid_grant")


def test_a_missing_verifier_is_refused(social: Client) -> None:
    code = social.consent("social-personal").parameters["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": social.redirect_uri}
    assert error_of(social.post("token", form)) == (400, "invalid_request")


def test_a_failed_attempt_spends_the_code(social: Client) -> None:
    code = social.consent("social-personal").parameters["code"]
    social.exchange(code, code_verifier="x" * 43)
    assert error_of(social.exchange(code)) == (400, "invalid_grant")


def test_a_code_used_twice_ends_the_tokens_it_led_to(social: Client, provider: DemoProvider) -> None:
    code = social.consent("social-personal").parameters["code"]
    tokens = social.exchange(code).json()
    assert error_of(social.exchange(code)) == (400, "invalid_grant")
    assert error_of(social.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert social.get("userinfo", tokens["access_token"]).status_code == 401
    assert provider.ledger(event="issue", outcome="refused")[0]["detail"] == "code-reused"


@pytest.mark.parametrize("slug", ["social", "video"])
def test_a_wrong_client_secret_is_refused(provider: DemoProvider, slug: str) -> None:
    honest = Client(provider, slug)
    careless = Client(provider, slug, secret="guessed", verifier=honest.verifier)
    code = honest.consent(f"{slug}-personal").parameters["code"]
    assert error_of(careless.exchange(code)) == (401, "invalid_client")
    assert honest.exchange(code).status_code == 200, "a stranger's attempt must not spend the code"


@pytest.mark.parametrize(("slug", "wrong_way"), [("social", "post"), ("video", "basic")])
def test_a_client_authenticates_in_the_registered_way_only(provider: DemoProvider, slug: str, wrong_way: str) -> None:
    client = Client(provider, slug, auth_method=wrong_way)
    code = client.consent(f"{slug}-personal").parameters["code"]
    assert error_of(client.exchange(code)) == (401, "invalid_client")


def test_another_clients_code_is_refused(social: Client, provider: DemoProvider) -> None:
    provider.control("social/clients", client_id="other", client_secret="s", redirect_uris=[social.redirect_uri])
    thief = Client(provider, client_id="other", secret="s", verifier=social.verifier)
    assert error_of(thief.exchange(social.consent("social-personal").parameters["code"])) == (400, "invalid_grant")


def test_the_two_providers_do_not_know_each_others_codes_and_tokens(social: Client, video: Client) -> None:
    tokens = social.connect("social-personal")
    assert error_of(video.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert video.get("userinfo", tokens["access_token"]).status_code == 401


def test_an_unknown_grant_type_is_refused(social: Client) -> None:
    assert error_of(social.post("token", {"grant_type": "password"})) == (400, "unsupported_grant_type")


def test_plain_oauth_without_openid_gets_no_id_token(video: Client) -> None:
    answer = video.connect("video-business", scope="profile")
    assert "id_token" not in answer
    assert video.get("userinfo", answer["access_token"]).json() == {"sub": "video-business", "name": "Northwind Studio"}


def test_denying_comes_back_as_access_denied(social: Client) -> None:
    callback = social.consent("social-personal", deny=True)
    assert callback.parameters["error"] == "access_denied"
    assert callback.parameters["state"] == social.state


def test_only_the_shared_accounts_are_listed(social: Client) -> None:
    answer = social.connect("social-business", accounts=["page-northwind-jobs"], scopes=[])
    assert answer["scope"] == "openid profile"
    listed = social.get("accounts", answer["access_token"]).json()
    assert listed == {"accounts": [{"id": "page-northwind-jobs", "name": "Northwind Jobs"}]}


def test_discovery_names_every_endpoint_under_the_issuer(social: Client) -> None:
    metadata = requests.get(f"{social.issuer}/.well-known/openid-configuration", timeout=20).json()
    assert metadata["issuer"] == social.issuer
    endpoints = [value for name, value in metadata.items() if name.endswith(("_endpoint", "_uri"))]
    assert len(endpoints) == 5
    assert all(address.startswith(social.issuer + "/") for address in endpoints)
    assert metadata["authorization_response_iss_parameter_supported"] is True
