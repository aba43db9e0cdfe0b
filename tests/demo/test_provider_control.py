"""The control page's JSON side: failures and callback lies on demand, the ledger, clients, logins, grants, restarts."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.demo_provider import Client, DemoProvider


@pytest.fixture
def token(social: Client) -> str:
    return str(social.connect("social-personal")["refresh_token"])


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "words"),
    [
        ("invalid_grant", 400, "application/json", '"invalid_grant"'),
        ("invalid_client", 401, "application/json", '"invalid_client"'),
        ("server_error", 500, "application/json", '"server_error"'),
        ("unavailable", 503, "text/html", "Service Unavailable"),
        ("rate_limited", 429, "application/json", '"rate_limited"'),
        ("not_json", 200, "text/html", "Welcome"),
        ("empty_answer", 200, "application/json", "{}"),
    ],
)
def test_it_fails_as_asked_and_then_works_again(
    social: Client, token: str, kind: str, status: int, content_type: str, words: str
) -> None:
    social.provider.control("social/fail", kind=kind, on="refresh", times=1)
    failed = social.refresh(token)
    assert failed.status_code == status
    assert failed.headers["Content-Type"].startswith(content_type)
    assert words in failed.text
    assert social.refresh(token).status_code == 200, "an arranged failure must not have used the token up"
    failures = social.provider.ledger(event="refresh", outcome="failed")
    assert [(line["detail"], line["sub"]) for line in failures] == [(kind, "social-personal")]


def test_a_rate_limit_says_when_to_come_back(social: Client, token: str) -> None:
    social.provider.control("social/fail", kind="rate_limited", on="refresh", retry_after_s=77)
    assert social.refresh(token).headers["Retry-After"] == "77"


def test_any_answer_can_be_made_up(social: Client, token: str) -> None:
    body = {"message": "slow down", "error": {"code": 190}}
    social.provider.control("social/fail", kind="custom", on="refresh", times=1, status=403, body=body)
    response = social.refresh(token)
    assert (response.status_code, response.json()) == (403, body)


def test_a_failure_lasts_until_healed(social: Client, token: str) -> None:
    social.provider.control("social/fail", kind="unavailable")
    assert [social.refresh(token).status_code for _ in range(3)] == [503, 503, 503]
    social.provider.control("social/heal")
    assert social.refresh(token).status_code == 200


def test_a_failure_meets_only_its_operation_and_its_provider(social: Client, video: Client) -> None:
    social.provider.control("social/fail", kind="unavailable", on="refresh")
    assert social.connect("social-personal")["access_token"]
    other = video.connect("video-personal")
    assert video.refresh(other["refresh_token"]).status_code == 200


def test_a_times_count_holds_under_concurrency(social: Client, provider: DemoProvider) -> None:
    token = social.connect("social-personal")["access_token"]
    provider.control("social/fail", kind="unavailable", on="userinfo", times=7)
    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(lambda _: social.get("userinfo", token).status_code, range(20)))
    assert (statuses.count(503), statuses.count(200)) == (7, 13)


def test_an_answer_can_be_lost_after_the_rotation(social: Client, token: str) -> None:
    social.provider.control("social/fail", kind="answer_lost", on="refresh", times=1)
    with pytest.raises(requests.ConnectionError):
        social.refresh(token)
    assert social.provider.counts(event="refresh") == {"refresh:ok": 1}
    assert social.refresh(token).status_code == 200
    assert social.provider.counts(event="refresh") == {"refresh:grace": 1, "refresh:ok": 1}


def test_a_hang_ends_when_the_client_leaves_and_holds_up_nobody_else(social: Client, video: Client, token: str) -> None:
    social.provider.control("social/fail", kind="hang", on="refresh")
    form = {"grant_type": "refresh_token", "refresh_token": token}

    def hang(_: int) -> str:
        try:
            requests.post(f"{social.issuer}/token", data=form, timeout=3)
        except requests.Timeout:
            return "timeout"
        return "answered"

    with ThreadPoolExecutor(20) as threads:
        hanging = [threads.submit(hang, number) for number in range(20)]
        other = video.connect("video-personal")
        assert video.refresh(other["refresh_token"]).elapsed < timedelta(seconds=2)
        assert {one.result() for one in hanging} == {"timeout"}


def test_a_delay_slows_only_what_it_is_for(social: Client, token: str) -> None:
    social.provider.control("social/knobs", delay_ms=2_000, delay_on="refresh")
    assert social.refresh(token).elapsed >= timedelta(seconds=2)
    code = social.consent("social-personal").parameters["code"]
    assert social.exchange(code).elapsed < timedelta(seconds=2)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("wrong_state", "state", "not-the-state-you-sent"),
        ("without_state", "state", None),
        ("without_iss", "iss", None),
        ("wrong_code", "code", "not-the-code-you-were-given"),
    ],
)
def test_a_callback_lies_as_asked(social: Client, kind: str, name: str, value: str | None) -> None:
    honest = social.consent("social-personal").parameters
    social.provider.control("social/knobs", callback=kind)
    twisted = social.consent("social-personal").parameters
    assert twisted.get(name) == value != honest[name]
    assert {other for other in honest if other != name} <= set(twisted)


def test_a_callback_can_name_another_issuer(social: Client) -> None:
    social.provider.control("social/knobs", callback="wrong_iss")
    assert social.consent("social-personal").parameters["iss"] == f"{social.issuer}-other"


def test_the_ledger_follows_a_family_through_its_life(social: Client, provider: DemoProvider, token: str) -> None:
    social.refresh(token)
    social.revoke(token)
    lines = provider.ledger(provider="social")
    story = [(line["event"], line["outcome"]) for line in lines]
    assert story == [("authorize", "approved"), ("issue", "ok"), ("refresh", "ok"), ("revocation", "ok")]
    assert len({line["family"] for line in lines[1:]}) == 1
    assert {(line["sub"], line["client_id"]) for line in lines} == {("social-personal", "reconsent-social")}


def test_the_ledger_holds_no_tokens(social: Client, provider: DemoProvider) -> None:
    answer = social.connect("social-personal")
    social.refresh(answer["refresh_token"])
    kept = json.dumps(provider.ledger())
    assert answer["access_token"] not in kept
    assert answer["refresh_token"] not in kept


def test_the_ledger_can_be_read_on_from_a_line_and_reset(social: Client, provider: DemoProvider, token: str) -> None:
    seen = provider.ledger()[-1]["id"]
    social.refresh(token)
    assert [line["event"] for line in provider.ledger(after=str(seen))] == ["refresh"]
    provider.control("ledger/reset")
    assert provider.ledger() == []


def test_an_added_login_can_consent_with_the_subject_it_was_given(social: Client, provider: DemoProvider) -> None:
    accounts = [{"id": "p1", "name": "One"}]
    provider.control("social/logins", sub="person:42", name="Person 42", accounts=accounts, listed=False)
    answer = social.connect("person:42")
    assert social.get("userinfo", answer["access_token"]).json()["sub"] == "person:42"
    assert social.get("accounts", answer["access_token"]).json() == {"accounts": accounts}


def test_grants_can_be_made_without_anybody_consenting(social: Client, provider: DemoProvider) -> None:
    consented_at = provider.now() - timedelta(days=50)
    wanted = [
        {"sub": "seed-1", "name": "Seed One", "login_accounts": [{"id": "a", "name": "A"}]},
        {"sub": "seed-2", "consented_at": consented_at.isoformat(), "scopes": ["openid", "profile"]},
    ]
    made = provider.control("social/grants", grants=wanted)["grants"]
    assert [grant["sub"] for grant in made] == ["seed-1", "seed-2"]
    refreshed = social.refresh(made[1]["refresh_token"]).json()
    assert refreshed["scope"] == "openid profile"
    assert refreshed["refresh_token_expires_in"] <= 10 * 86_400
    assert social.get("accounts", made[0]["access_token"]).json() == {"accounts": [{"id": "a", "name": "A"}]}
    listed = provider.http.get(f"{provider.url}/control/api/social/grants?sub=seed-2", timeout=20).json()["grants"]
    assert listed[0]["ends_at"] == made[1]["consent_ends_at"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("social/knobs", {"speed": 1}, "no knob 'speed'"),
        ("social/knobs", {"grace_s": -1}, "'grace_s' is a whole number"),
        ("social/knobs", {"grace_s": True}, "'grace_s' is a whole number"),
        ("social/knobs", {"id_token": "odd"}, "'id_token' is one of"),
        ("social/knobs", {"old_access_ends": "yes"}, "true or false"),
        ("social/fail", {"kind": "odd"}, "'kind' is one of"),
        ("social/fail", {"kind": "hang", "on": "odd"}, "'on' is one of"),
        ("social/fail", {"kind": "hang", "times": 0}, "'times' is a whole number"),
        ("social/fail", {"kind": "custom", "status": 99}, "'status' is a whole number"),
        ("social/logins", {"name": "No subject"}, "'sub' is"),
        ("social/logins", {"sub": "x", "name": " "}, "'name' is missing"),
        ("social/logins", {"sub": "x", "name": "X", "accounts": ["a"]}, "'accounts' is a list"),
        ("social/clients", {"client_id": "x"}, "client_secret"),
        ("social/clients", {"client_id": "x", "client_secret": "y"}, "redirect_uris"),
        ("social/grants", {"grants": []}, "'grants' is a list"),
        ("social/grants", {"grants": [{"sub": "x", "consented_at": "soon"}]}, "'consented_at'"),
        ("social/next-consent", {"sub": "social-personal", "scopes": "all"}, "'scopes' is a list"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(provider: DemoProvider, path: str, body: Any, words: str) -> None:
    before = requests.get(f"{provider.url}/control/api/state", timeout=20).json()
    response = requests.post(f"{provider.url}/control/api/{path}", json=body, timeout=20)
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert words in response.json()["detail"]
    assert requests.get(f"{provider.url}/control/api/state", timeout=20).json() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("nowhere/knobs", {}),
        ("social/next-consent", {"sub": "nobody"}),
        ("social/grants", {"grants": [{"sub": "x", "client_id": "nobody"}]}),
    ],
)
def test_what_does_not_exist_is_not_found(provider: DemoProvider, path: str, body: Any) -> None:
    response = requests.post(f"{provider.url}/control/api/{path}", json=body, timeout=20)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_a_web_page_elsewhere_cannot_send_control_commands(provider: DemoProvider) -> None:
    """A foreign page may post text without asking first, but not JSON."""
    response = requests.post(f"{provider.url}/control/api/social/knobs", data='{"grace_s": 0}', timeout=20)
    assert response.status_code == 415
