"""The description of the API: made from the views, complete, strict, and true of their answers."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal import clock
from portal.access import Mark, mark_of
from portal.blueprints.api import openapi
from portal.rules.status import ConnectionState
from portal.services import api_keys
from tests.factories import World, make_connection

BY_FLASK = {"HEAD", "OPTIONS"}
CONSTRAINTS = {"minimum", "maximum", "minLength", "maxLength", "enum", "format", "maxProperties", "maxItems", "anyOf"}


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return app.test_client().get("/api/v1/openapi.json").get_json()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, calls in document["paths"].items():
        for method, operation in calls.items():
            yield method.upper(), path, operation


def schemas(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema of an object in a part of the document."""
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for inner in node.values():
            yield from schemas(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from schemas(inner)


def test_every_call_is_described_and_nothing_else(app: Flask, document: dict[str, Any]):
    served = {
        (method, rule.rule.removeprefix("/api/v1").replace("<uuid:connection_id>", "{id}"))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - BY_FLASK
    }
    assert {(method, path) for method, path, _ in operations(document)} == served


def test_a_view_that_says_nothing_about_its_call_is_not_passed_over(app: Flask):
    app.view_functions["api.show"] = lambda connection_id: "undescribed"
    with app.app_context(), pytest.raises(LookupError, match="says nothing"):
        openapi.document()


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_what_needs_a_key_says_so(app: Flask, document: dict[str, Any]):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            path = rule.rule.removeprefix("/api/v1").replace("<uuid:connection_id>", "{id}")
            for method in (rule.methods or set()) - BY_FLASK:
                operation = document["paths"][path][method.lower()]
                is_public = mark_of(app.view_functions[rule.endpoint]) is Mark.PUBLIC
                assert (operation.get("security") == []) is is_public
                assert ("401" in operation["responses"]) is not is_public


def test_no_object_is_left_open(document: dict[str, Any]):
    for schema in schemas(document):
        assert schema.get("additionalProperties", True) is not True, schema


def test_everything_that_is_sent_is_bounded(document: dict[str, Any]):
    for _, _, operation in operations(document):
        sent = [one["schema"] for one in operation.get("parameters", ())]
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            sent += document["components"]["schemas"][name]["properties"].values()
        assert [schema for schema in sent if "type" in schema and not CONSTRAINTS & set(schema)] == []


def test_every_refusal_is_a_problem(document: dict[str, Any]):
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"]


class Answers:
    """Asks the API and holds what it answers against the document."""

    def __init__(self, app: Flask, document: dict[str, Any], key: str) -> None:
        self.client, self.document = app.test_client(), document
        self.headers = {"Authorization": f"Bearer {key}"}

    def ask(self, method: str, path: str, expected: int, *, about: object = None, **options: Any) -> None:
        address = path.replace("{id}", str(about))
        response = self.client.open(f"/api/v1{address}", method=method, headers=self.headers, **options)
        assert response.status_code == expected, response.text
        self._check(self.document["paths"][path][method.lower()]["responses"][str(expected)], response)

    def _check(self, described: dict[str, Any], response: TestResponse) -> None:
        for name in described.get("headers", {}):
            assert name in response.headers or response.status_code == 200
        for mimetype, content in described.get("content", {}).items():
            assert response.mimetype == mimetype
            self._validator(content["schema"]).validate(response.get_json(force=True))

    def _validator(self, schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
        whole = {"components": self.document["components"], **schema}
        return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


@pytest.fixture
def answers(app: Flask, world: World, document: dict[str, Any]) -> Answers:
    with app.app_context():
        _, key = api_keys.create(world.chloe.asker, "Archive", now=clock.now())
    return Answers(app, document, key.reveal())


@pytest.mark.parametrize("state", list(ConnectionState))
def test_a_connection_in_any_state_is_shown_as_described(
    app: Flask, world: World, answers: Answers, state: ConnectionState
):
    with app.app_context():
        about = make_connection(world.ana, state=state, now=clock.now())
        make_connection(world.ben, consent_ends_in=None, access_ends_in=None, now=clock.now())
    answers.ask("GET", "/connections", 200)
    answers.ask("GET", "/connections", 400, query_string={"limit": 0})
    answers.ask("GET", "/connections/{id}", 200, about=about)
    answers.ask("GET", "/connections/{id}", 404, about=uuid4())
    holds = state in (ConnectionState.ACTIVE, ConnectionState.NEEDS_RECONSENT)
    answers.ask("POST", "/connections/{id}/token", 200 if holds else 409, about=about)
    report = {"generation": 1, "status": 429, "headers": {"Retry-After": "9"}}
    answers.ask("POST", "/connections/{id}/rejections", 200 if holds else 409, about=about, json=report)
    answers.ask("DELETE", "/connections/{id}", 204, about=about)


def test_refusals_are_answered_as_described(app: Flask, world: World, answers: Answers):
    with app.app_context():
        about = make_connection(world.ana, now=clock.now())
    wish = {"member_email": "ana@acme.example", "provider": "demo-video"}
    answers.ask("POST", "/connections", 201, json=wish)
    answers.ask("POST", "/connections", 400, json={"provider": 1})
    answers.ask("POST", "/connections", 415, data="<a/>", content_type="text/xml")
    answers.ask("POST", "/connections", 413, data=b"9" * 300_000, content_type="application/json")
    answers.ask("POST", "/connections/{id}/rejections", 400, about=about, json={"generation": 9, "status": 401})
    answers.ask("POST", "/connections/{id}/token", 503, about=about, json={"min_ttl": 86_400})  # the provider is down
    answers.headers = {}
    answers.ask("GET", "/connections", 401)
