"""Whatever goes wrong under /api/v1 is answered as problem+json, never as a page."""

import pytest
from flask import Flask

from tests.factories import World
from tests.pages.absent_database import database_away
from tests.pages.backend import Backend, checked, key_of

NOBODYS = "01a1f955-c2d7-746b-873d-5018431e9350"


@pytest.fixture
def backend(app: Flask, world: World) -> Backend:
    return Backend(app, key_of(app, world.chloe))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "", 404),
        ("GET", "/connections/", 404),
        ("GET", "/connections/not-a-uuid", 404),
        ("GET", "/connections/%00", 404),
        ("POST", f"/connections/{NOBODYS}/tokens", 404),
        ("PUT", "/connections", 405),
        ("GET", f"/connections/{NOBODYS}/token", 405),
        ("PATCH", f"/connections/{NOBODYS}", 405),
        ("DELETE", "/openapi.json", 405),
        ("GET", "/connections?limit=%00", 400),
        ("TRACE", "/connections", 405),
    ],
)
def test_what_is_not_there_is_a_problem(backend: Backend, method: str, path: str, status: int):
    response = backend.send(method, path)
    told = checked(response, status)
    assert told["status"] == status
    assert (status == 405) == ("Allow" in response.headers)


@pytest.mark.parametrize("kind", ["text/xml", "multipart/form-data; boundary=x", "application/octet-stream"])
def test_what_says_to_be_something_else_than_json_is_refused(backend: Backend, kind: str):
    response = backend.send("POST", "/connections", data=b'{"provider": "demo-video"}', content_type=kind)
    assert checked(response, 415)["code"] == "unsupported_media_type"


@pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json", "application/json;charset=utf-8"])
def test_json_by_any_of_its_names_is_read(backend: Backend, kind: str):
    response = backend.send("POST", "/connections", data=b'{"provider": "demo-video"}', content_type=kind)
    assert checked(response, 400)["errors"].keys() == {"member_email"}


def test_json_that_curl_calls_a_form_is_read(backend: Backend):
    kind = "application/x-www-form-urlencoded"
    response = backend.send("POST", "/connections", data=b'{"provider": "demo-video"}', content_type=kind)
    assert checked(response, 400)["errors"].keys() == {"member_email"}


def test_more_than_any_call_takes_is_not_read(backend: Backend):
    response = backend.send("POST", "/connections", data=b"[" * 300_000, content_type="application/json")
    assert checked(response, 413)


def test_a_database_out_of_reach_is_a_problem_with_when_to_come_back(app: Flask, backend: Backend):
    with database_away(app):
        response = backend.send("GET", "/connections")
    assert checked(response, 503)["code"] == "unavailable"
    assert int(response.headers["Retry-After"]) > 0


def test_a_nul_in_the_query_string_is_told_where(backend: Backend):
    told = checked(backend.send("GET", "/connections?member=a%00b"), 400)
    assert set(told["errors"]) == {"member"}


def test_what_cannot_be_a_cursor_of_ours_is_refused_as_described(backend: Backend):
    told = checked(backend.send("GET", "/connections?cursor=no%20cursor"), 400)
    assert set(told["errors"]) == {"cursor"}
