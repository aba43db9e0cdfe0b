from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask

from portal import clock
from portal.crypto import to_base64url
from tests.factories import World, make_connection
from tests.pages.backend import Backend, checked, key_of

MEMBERS = {
    "id", "provider", "member", "nickname", "subject", "status", "scopes", "accounts", "consent_expires_at",
    "access_expires_at", "generation",
}  # fmt: skip


@pytest.fixture
def backend(app: Flask, world: World) -> Backend:
    return Backend(app, key_of(app, world.chloe))


@pytest.fixture
def page_of_ana(app: Flask, world: World) -> UUID:
    with app.app_context():
        return make_connection(world.ana, nickname="Ana's page", now=clock.now())


@pytest.fixture
def many(app: Flask, world: World) -> list[str]:
    """Connections by their end: five with a date, then two without."""
    with app.app_context():
        ends = [timedelta(days=days) for days in (9, 3, 30, 1, 60)] + [None, None]
        made = [make_connection(world.ben, consent_ends_in=end, now=clock.now()) for end in ends]
    return [str(made[index]) for index in (3, 1, 0, 2, 4)] + sorted(str(one) for one in made[5:])


def test_connections_come_soonest_end_first(backend: Backend, many: list[str]):
    assert [row["id"] for row in backend.get("/connections")["connections"]] == many


def test_a_listing_goes_on_from_page_to_page_without_gap_or_repeat(backend: Backend, many: list[str]):
    seen, cursor = [], None
    while True:
        answer = backend.get("/connections", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [row["id"] for row in answer["connections"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == many


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "ending"}, [0, 1, 2]),
        ({"status": "active"}, [3, 4, 5, 6]),
        ({"status": "ended"}, []),
        ({"provider": "demo-video"}, []),
        ({"member": "BEN@acme.example"}, [0, 1, 2, 3, 4, 5, 6]),
        ({"member": "ana@acme.example"}, []),
    ],
)
def test_filters_narrow_the_listing(backend: Backend, many: list[str], query: dict[str, str], found: list[int]):
    rows = backend.get("/connections", **query)["connections"]
    assert [row["id"] for row in rows] == [many[index] for index in found]


def test_ends_before_leaves_out_what_ends_later_or_never(backend: Backend, many: list[str]):
    before = (clock.now() + timedelta(days=5)).isoformat()
    assert [row["id"] for row in backend.get("/connections", ends_before=before)["connections"]] == many[:2]


def test_a_connection_shows_what_the_contract_names(backend: Backend, page_of_ana: UUID):
    shown = backend.get(f"/connections/{page_of_ana}")
    assert set(shown) == MEMBERS
    assert shown["member"] == {"email": "ana@acme.example", "name": "Ana Alvarez"}
    assert (shown["status"], shown["generation"], shown["provider"]) == ("active", 1, "demo-social")
    assert shown["consent_expires_at"].endswith("Z")


def test_a_token_comes_with_its_end_and_generation(backend: Backend, page_of_ana: UUID):
    token = backend.post(f"/connections/{page_of_ana}/token")
    assert (token["access_token"], token["token_type"], token["generation"]) == ("access-1", "Bearer", 1)
    assert token["scopes"] == ["openid", "profile"]


@pytest.mark.parametrize("body", [{"min_ttl": -1}, {"min_ttl": "60"}, {"min_ttl": True}, {"min_tll": 60}, [], "x"])
def test_a_wrong_body_is_named_and_changes_nothing(backend: Backend, page_of_ana: UUID, body: object):
    problem = backend.post(f"/connections/{page_of_ana}/token", 400, json=body)
    assert problem["code"] == "invalid_request"
    assert problem["errors"]


@pytest.mark.parametrize("text", ["{bad", " ", "[" * 100_000, '{"min_ttl": 1e400}', f'{{"min_ttl": {"9" * 5_000}}}'])
def test_what_is_no_json_is_refused_however_deep_or_long(backend: Backend, page_of_ana: UUID, text: str):
    response = backend.client.post(f"/api/v1/connections/{page_of_ana}/token", data=text, headers=backend.headers)
    assert checked(response, 400)["code"] == "invalid_request"


def test_an_ended_connection_answers_reconsent_required_with_reason_and_since(
    app: Flask, world: World, backend: Backend
):
    with app.app_context():
        ended = make_connection(world.ana, refresh_token=None, access_ends_in=timedelta(0), now=clock.now())
    problem = backend.post(f"/connections/{ended}/token", 409)
    assert problem["code"] == "reconsent_required"
    assert problem["reason"]
    assert problem["since"].endswith("Z")


@pytest.mark.parametrize(
    "query",
    [
        {"status": "asleep"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "²"},
        {"cursor": "x"},
        {"cursor": to_base64url(b"0001-01-01T00:00:00+23:59|" + b"00" * 16)},
        {"ends_before": "soon"},
        {"ends_before": "2026-12-02T00:00:00"},
        {"ends_before": "9999-12-31T23:59:59-10:00"},
        {"ends_before": "0001-01-01T00:00:00+10:00"},
        {"stauts": "active"},
        {"member": ""},
    ],
)
def test_a_wrong_query_is_named(backend: Backend, query: dict[str, str]):
    problem = backend.get("/connections", 400, **query)
    assert list(problem["errors"]) == list(query)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nope", "Basic abc", "Bearer \x80"])
def test_without_a_known_key_nothing_is_told(app: Flask, page_of_ana: UUID, authorization: str):
    client = app.test_client()
    for method, path in (
        ("GET", "/connections"),
        ("GET", f"/connections/{page_of_ana}"),
        ("POST", f"/connections/{page_of_ana}/token"),
    ):
        response = client.open(f"/api/v1{path}", method=method, headers={"Authorization": authorization})
        assert response.status_code == 401
        assert response.get_json()["code"] == "sign_in_required"
        assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_foreign_connection_is_the_same_404_as_a_missing_one(app: Flask, world: World, page_of_ana: UUID):
    eve = Backend(app, key_of(app, world.eve))
    for path in (f"/connections/{page_of_ana}", f"/connections/{uuid4()}"):
        assert eve.get(path, 404)["code"] == "not_found"
        assert eve.post(f"{path}/token", 404)["code"] == "not_found"
    assert eve.get("/connections")["connections"] == []


def test_a_backend_asks_a_member_to_connect(backend: Backend):
    made = backend.post(
        "/connections", 201, json={"member_email": "Ana@acme.example", "provider": "demo-video", "nickname": "Films"}
    )
    assert (made["status"], made["nickname"], made["generation"]) == ("invited", "Films", None)
    assert backend.post(f"/connections/{made['id']}/token", 409)["code"] == "reconsent_required"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"provider": "demo-video"}, 400),
        ({"member_email": "nobody@acme.example", "provider": "demo-video"}, None),
        ({"member_email": "eve@globex.example", "provider": "demo-video"}, None),
        ({"member_email": "ana@acme.example", "provider": "no-such"}, None),
        ({"member_email": "not an address", "provider": "demo-video"}, 400),
        ({"member_email": "ana@acme.example", "provider": "demo-video", "nickname": "x" * 100}, 400),
    ],
)
def test_an_invitation_that_cannot_be_is_refused(backend: Backend, body: dict[str, str], status: int | None):
    response = backend.client.post("/api/v1/connections", json=body, headers=backend.headers)
    assert response.status_code == status or (status is None and response.status_code in {400, 404, 409})
    assert backend.get("/connections")["connections"] == []
