from collections.abc import Iterator
from uuid import uuid4

import pytest
from flask import Flask
from werkzeug import Response

from portal import clock
from portal.rules.status import ConnectionState
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.page import Page
from tests.pages.backend import Backend, checked, key_of

TOKEN = {"access_token", "token_type", "expires_at", "scopes", "subject", "generation"}


@pytest.fixture(autouse=True)
def provider(stub: StubProvider) -> StubProvider:
    """Running before there is a portal."""
    return stub


@pytest.fixture
def backend(stub: StubProvider, app: Flask, world: World) -> Backend:
    return Backend(app, key_of(app, world.chloe))


@pytest.fixture
def page_of_ana(backend: Backend, app: Flask, world: World) -> Iterator[str]:
    with app.app_context():
        made = make_connection(world.ana, provider_id="stub", now=clock.now())
    return f"/connections/{made}/rejections"


def test_a_cured_report_is_answered_with_the_new_token(backend: Backend, page_of_ana: str):
    answer = backend.post(page_of_ana, json={"generation": 1, "status": 401, "body": {"error": "invalid_token"}})
    assert set(answer) == {"fault", "action"} | TOKEN
    assert (answer["fault"], answer["action"]) == ("expired", "refresh")
    assert (answer["access_token"], answer["generation"]) == ("access-2", 2)


@pytest.mark.parametrize("body", ['{"error": "insufficient_scope"}', {"error": "insufficient_scope"}])
def test_the_body_may_be_a_text_or_json(backend: Backend, page_of_ana: str, stub: StubProvider, body: object):
    answer = backend.post(page_of_ana, json={"generation": 1, "status": 403, "body": body})
    assert answer == {"fault": "scope-missing", "action": "add_scope"}
    assert stub.refreshes == []


def test_headers_count_in_any_case(backend: Backend, page_of_ana: str):
    sent = {"generation": 1, "status": 401, "headers": {"www-AUTHENTICATE": 'Bearer error="insufficient_scope"'}}
    assert backend.post(page_of_ana, json=sent)["fault"] == "scope-missing"


def test_a_wait_stands_in_the_answer_and_in_its_header(backend: Backend, page_of_ana: str):
    sent = {"generation": 1, "status": 429, "headers": {"Retry-After": "90"}}
    response = backend.send("POST", page_of_ana, json=sent)
    assert checked(response, 200) == {"fault": "rate-limited", "action": "backoff", "retry_after_s": 90}
    assert response.headers["Retry-After"] == "90"


def test_a_provider_that_is_down_is_told_with_when_to_come_back(backend: Backend, page_of_ana: str, stub: StubProvider):
    stub.answering = lambda _token: Response("down", 503)
    response = backend.send("POST", page_of_ana, json={"generation": 1, "status": 401})
    assert checked(response, 503)["code"] == "provider_unavailable"
    assert int(response.headers["Retry-After"]) >= 30


def test_what_only_the_member_can_cure_says_why_and_since_when(backend: Backend, page_of_ana: str, stub: StubProvider):
    stub.current = "revoked by its owner"
    problem = backend.post(page_of_ana, 409, json={"generation": 1, "status": 401})
    assert problem["code"] == "reconsent_required"
    assert problem["reason"]
    assert problem["since"].endswith("Z")


@pytest.mark.parametrize(
    ("sent", "wrong"),
    [
        ({}, {"generation", "status"}),
        ({"generation": 1}, {"status"}),
        ({"generation": "1", "status": 401}, {"generation"}),
        ({"generation": -1, "status": 401}, {"generation"}),
        ({"generation": 1.5, "status": 401}, {"generation"}),
        ({"generation": True, "status": 401}, {"generation"}),
        ({"generation": 2**31, "status": 401}, {"generation"}),
        ({"generation": 2, "status": 401}, {"generation"}),
        ({"generation": 1, "status": 99}, {"status"}),
        ({"generation": 1, "status": None}, {"status"}),
        ({"generation": 1, "status": 401, "headers": []}, {"headers"}),
        ({"generation": 1, "status": 401, "headers": {"Retry-After": 9}}, {"headers"}),
        ({"generation": 1, "status": 401, "headers": {"X": "x" * 8_193}}, {"headers"}),
        ({"generation": 1, "status": 401, "headers": {f"X-{n}": "" for n in range(101)}}, {"headers"}),
        ({"generation": 1, "status": 401, "body": "x" * 65_537}, {"body"}),
        ({"generation": 1, "status": 401, "body": ["x" * 70_000]}, {"body"}),
        ({"generation": 1, "status": 401, "boddy": ""}, {"boddy"}),
    ],
)
def test_what_is_wrong_with_a_report_is_named(
    backend: Backend, page_of_ana: str, stub: StubProvider, sent: dict[str, object], wrong: set[str]
):
    problem = backend.post(page_of_ana, 400, json=sent)
    assert set(problem["errors"]) == wrong
    assert stub.refreshes == []


@pytest.mark.parametrize("depth", [500, 900, 100_000])
def test_a_body_nested_however_deeply_is_no_fault_of_ours(backend: Backend, page_of_ana: str, depth: int):
    text = f'{{"generation": 1, "status": 404, "body": {"[" * depth}{"]" * depth}}}'
    response = backend.send("POST", page_of_ana, data=text, content_type="application/json")
    assert response.status_code in {200, 400}


def test_a_report_larger_than_any_needs_to_be_is_not_read(backend: Backend, page_of_ana: str):
    response = backend.send("POST", page_of_ana, data=b" " * 300_000, content_type="application/json")
    assert checked(response, 413)["code"]


@pytest.mark.parametrize(
    "body",
    [
        {"error": 7},
        {"error": {"code": ["x"]}},
        {"error": {"message": {"a": 1}}},
        [None, True, 1e308],
        "\ufeff{",
        "\x00<html>",
        "a=b&c=d" * 1000,
        None,
        {"": {"": ""}},
    ],
)
@pytest.mark.parametrize("provider", ["stub", "demo-social"])
def test_whatever_an_api_says_is_judged(app: Flask, world: World, backend: Backend, provider: str, body: object):
    with app.app_context():
        about = make_connection(world.ben, provider_id=provider, now=clock.now())
    for status in (200, 302, 400, 403, 500):
        sent = {"generation": 1, "status": status, "body": body}
        assert backend.post(f"/connections/{about}/rejections", json=sent)["fault"]


@pytest.mark.parametrize("state", [ConnectionState.INVITED, ConnectionState.DISPLACED, ConnectionState.DISCONNECTED])
def test_a_connection_without_a_login_answers_as_for_a_token(
    app: Flask, world: World, backend: Backend, state: ConnectionState
):
    with app.app_context():
        gone = make_connection(world.ana, state=state, now=clock.now())
    said = backend.post(f"/connections/{gone}/rejections", 409, json={"generation": 0, "status": 401})
    assert said["code"] == "reconsent_required"
    assert said["reason"] == backend.post(f"/connections/{gone}/token", 409)["reason"]


def test_a_foreign_connection_is_the_same_404_as_a_missing_one(
    app: Flask, world: World, page_of_ana: str, stub: StubProvider
):
    eve = Backend(app, key_of(app, world.eve))
    told = [
        eve.post(path, 404, json={"generation": 1, "status": 401})
        for path in (page_of_ana, f"/connections/{uuid4()}/rejections")
    ]
    assert told[0] == told[1]
    assert stub.refreshes == []


def test_the_history_names_the_backend_that_reported(
    stub: StubProvider, world: World, page: Page, backend: Backend, page_of_ana: str
):
    backend.post(page_of_ana, json={"generation": 1, "status": 401})
    page.sign_in(world.ana)
    shown = page.get(page_of_ana.removesuffix("/rejections"))
    assert "An API refused the token, a backend reported: HTTP 401" in shown.text
    assert "the backend “Archive”" in shown.text
