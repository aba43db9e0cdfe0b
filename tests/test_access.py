"""The guard: every view carries one mark, and what a mark says is what happens."""

import pytest
from flask import Flask

from portal import access
from portal.access import Mark, api_key, mark_of, monitoring, org_admin, public, signed_in, team_owner
from tests.factories import World
from tests.page import Page

MARKS = {
    "public": public, "signed-in": signed_in, "team-owner": team_owner, "org-admin": org_admin, "api-key": api_key,
    "monitoring": monitoring,
}  # fmt: skip
ENTERS = {
    "public": {"nobody", "ana", "dmitri", "chloe", "eve"},
    "signed-in": {"ana", "dmitri", "chloe", "eve"},
    "team-owner": {"dmitri", "chloe", "eve"},
    "org-admin": {"chloe", "eve"},
    "api-key": {"nobody", "ana", "dmitri", "chloe", "eve"},  # the view itself asks for the key
    "monitoring": {"nobody", "ana", "dmitri", "chloe", "eve"},
}


@pytest.fixture
def rooms(app: Flask) -> Flask:
    """The portal with a room behind each kind of door."""
    for name, mark in MARKS.items():
        view = mark(lambda: f"inside as {access.asker().role}" if access.member_or_none() else "inside")
        app.add_url_rule(f"/rooms/{name}", f"room_{name}", view, methods=["GET", "POST"])
    return app


@pytest.mark.parametrize("who", ["nobody", "ana", "dmitri", "chloe", "eve"])
@pytest.mark.parametrize("room", MARKS)
def test_a_mark_lets_in_whom_it_says(who: str, room: str, rooms: Flask, world: World, page: Page) -> None:
    if who != "nobody":
        page.sign_in(getattr(world, who))
    answer = page.client.get(f"/rooms/{room}")
    refusal = 302 if who == "nobody" else 404
    assert answer.status_code == (200 if who in ENTERS[room] else refusal)
    assert ("inside" in answer.text) is (who in ENTERS[room])


def test_what_somebody_may_not_see_looks_like_what_is_not_there(rooms: Flask, world: World, page: Page) -> None:
    page.sign_in(world.ana)
    hidden, missing = page.client.get("/rooms/org-admin"), page.client.get("/rooms/nowhere")
    assert (hidden.status_code, missing.status_code) == (404, 404)
    assert {"inside", "admin", "role", "permission"}.isdisjoint(hidden.text.lower().split())


def test_who_is_not_signed_in_is_led_to_the_door_and_back(rooms: Flask, page: Page) -> None:
    answer = page.client.get("/rooms/signed-in?page=2")
    assert answer.location == "/login?next=/rooms/signed-in?page%3D2"


def test_what_was_posted_without_a_session_is_not_repeated_later(app: Flask, page: Page) -> None:
    page.get("/login")
    with page.client.session_transaction() as cookie:
        assert "_user_id" not in cookie
    page.root.find(".//*[@method='post']").set("action", "/logout")  # type: ignore[union-attr]
    page.submit("Email me a sign-in link", status=303, follow=False)
    assert page.location == "/login?next=/connections"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_methods_nobody_offers_are_refused_without_a_look_inside(method: str, rooms: Flask, page: Page) -> None:
    assert page.client.open("/sessions", method=method).status_code in {400, 405}


def test_every_view_carries_a_mark(app: Flask) -> None:
    assert {endpoint for endpoint, view in app.view_functions.items() if mark_of(view) not in set(Mark)} == set()


def test_a_limit_on_a_view_leaves_its_mark_visible(app: Flask) -> None:
    assert mark_of(app.view_functions["sign_in.ask"]) is Mark.PUBLIC


def test_a_portal_with_an_unmarked_view_does_not_start(app: Flask) -> None:
    app.add_url_rule("/forgotten", "forgotten_one", lambda: "open to everybody")
    with pytest.raises(RuntimeError, match="forgotten_one"):
        access.guard_everything(app)


def test_a_mark_belongs_to_its_view_alone() -> None:
    first, second = (lambda: "1"), (lambda: "2")
    public(first)
    assert mark_of(first) is Mark.PUBLIC
    assert mark_of(second) is None


def test_the_moment_of_a_request_stands_still(app: Flask) -> None:
    with app.test_request_context("/"):
        assert access.now() is access.now()
