"""What a key that is limited to some providers meets at each call of the API."""

from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from portal import clock
from portal.extensions import parts
from portal.services import api_keys, key_uses
from tests.factories import World, make_connection

CALLS = {
    "show": ("GET", "", None),
    "token": ("POST", "/token", None),
    "reject": ("POST", "/rejections", {"generation": 1, "status": 401}),
    "disconnect": ("DELETE", "", None),
}


@pytest.fixture
def key(app: Flask, world: World) -> str:
    """For demo-social alone."""
    with app.app_context():
        return api_keys.create(world.chloe.asker, "Social", providers=["demo-social"], now=clock.now())[1].reveal()


@pytest.fixture
def outside(app: Flask, world: World) -> UUID:
    with app.app_context():
        return make_connection(world.ana, provider_id="demo-video", now=clock.now())


def call(app: Flask, key: str, method: str, path: str, body: object = None) -> TestResponse:
    headers = {"Authorization": f"Bearer {key}"}
    return app.test_client().open(f"/api/v1{path}", method=method, json=body, headers=headers)


@pytest.mark.parametrize("name", CALLS)
def test_a_connection_outside_the_limit_is_the_same_404_as_a_missing_one(
    app: Flask, key: str, outside: UUID, name: str
):
    method, path, body = CALLS[name]
    answers = [call(app, key, method, f"/connections/{one}{path}", body) for one in (outside, uuid4())]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].get_json() == answers[1].get_json()


def test_the_list_leaves_out_what_is_outside_the_limit(app: Flask, key: str, outside: UUID, world: World):
    with app.app_context():
        inside = make_connection(world.ana, provider_id="demo-social", now=clock.now())
    for query, found in (("", [str(inside)]), ("?provider=demo-video", []), ("?provider=demo-social", [str(inside)])):
        listed = call(app, key, "GET", f"/connections{query}").get_json()["connections"]
        assert [row["id"] for row in listed] == found


def test_an_invitation_outside_the_limit_is_refused_with_its_reason(app: Flask, key: str, world: World):
    asked = {"member_email": "ana@acme.example", "provider": "demo-video"}
    answer = call(app, key, "POST", "/connections", asked)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "provider_outside_key")
    assert call(app, key, "POST", "/connections", asked | {"provider": "demo-social"}).status_code == 201


def test_the_token_and_the_list_note_who_asked(app: Flask, key: str, world: World):
    with app.app_context():
        inside = make_connection(world.ana, provider_id="demo-social", now=clock.now())
        assert call(app, key, "POST", f"/connections/{inside}/token").status_code == 200
        assert parts().use_counts.write_now()
        (backend,) = key_uses.backends(world.chloe.asker, inside, "demo-social", now=clock.now())
    assert (backend.name, backend.uses) == ("Social", 1)
