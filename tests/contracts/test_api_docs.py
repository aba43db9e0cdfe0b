"""The examples of docs/api.md, run against a portal: what is copied from there works."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
import requests
from flask import Flask
from werkzeug import Request, Response

from portal import clock
from portal.services import api_keys
from tests.contracts.serving import served
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ADDRESS = "https://portal.example.org"


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def url(stub: StubProvider, app: Flask) -> Iterator[str]:
    stub.server.expect_request("/pages").respond_with_handler(pages)
    with served(app) as address:
        yield address


def pages(request: Request) -> Response:
    """The stub's API takes no token but the one that a refresh has brought."""
    is_known = request.headers["Authorization"] == "Bearer access-2"
    return Response("[]" if is_known else '{"error": "invalid_token"}', 200 if is_known else 401)


@pytest.fixture
def key(url: str, app: Flask, world: World) -> str:
    with app.app_context():
        return api_keys.create(world.chloe.asker, "Archive", now=clock.now())[1].reveal()


@pytest.fixture
def about(key: str, app: Flask, world: World) -> UUID:
    with app.app_context():
        return make_connection(world.ana, provider_id="stub", now=clock.now())


def sent_by_curl(command: str) -> dict[str, Any]:
    """The request that a line of curl would send."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    request: dict[str, Any] = {"method": "GET", "headers": {}}
    for word in words:
        match word:
            case "-X":
                request["method"] = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                request["headers"][name] = value
            case "-d":
                request["data"] = next(words)
            case _:
                request["url"] = word
    return request


@pytest.mark.parametrize("command", examples("sh"), ids=lambda command: " ".join(re.findall(r"-X \w+|\w+$", command)))
def test_a_line_for_the_shell_works(url: str, key: str, about: UUID, command: str):
    here = (
        command.replace(ADDRESS, url).replace("$KEY", key).replace("$ID", str(about)).replace("linkedin", "demo-video")
    )
    answer = requests.request(**sent_by_curl(here), timeout=30)
    assert answer.ok, answer.text


def test_the_examples_in_python_work(url: str, key: str, about: UUID, stub: StubProvider, monkeypatch):
    monkeypatch.setenv("KEY", key)
    names: dict[str, Any] = {}
    exec("\n".join(examples("python")).replace(ADDRESS, url), names)
    assert names["fresh_token"](about)["access_token"] == "access-1"
    assert names["call_provider"](about, f"{stub.url}/pages").text == "[]"
    assert names["connection"](about)["generation"] == 2
    with names["session_of"](about) as session:
        assert session.get(f"{stub.url}/pages", timeout=30).text == "[]"
    assert [one["id"] for one in names["connections"](provider="stub")] == [str(about)]
    assert names["invite"]("ben@acme.example", "demo-video")["status"] == "invited"
    names["disconnect"](about)
    assert names["events_after"](7) == ([], 7)
    assert names["connection"](about)["status"] == "disconnected"
    names["portal"].close()


@pytest.mark.parametrize("sample", examples("json"))
def test_a_sample_of_an_answer_is_as_described(app: Flask, sample: str):
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    shapes = [{"$ref": f"#/components/schemas/{name}"} for name in document["components"]["schemas"]]
    whole = {"components": document["components"], "anyOf": shapes}
    jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(json.loads(sample))


def test_every_call_has_an_example(app: Flask):
    document = app.test_client().get("/api/v1/openapi.json").get_json()
    shown = {(one["method"], path_of(one["url"])) for one in map(sent_by_curl, examples("sh"))}
    calls = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert calls - shown == {("GET", "/openapi.json")}


def path_of(url: str) -> str:
    return url.removeprefix(f"{ADDRESS}/api/v1").replace("$ID", "{id}").partition("?")[0]
