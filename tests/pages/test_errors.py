import socket
from collections.abc import Callable, Mapping

import pytest
from flask import Flask

from portal import clock
from portal.db import db
from tests.factories import World, make_connection
from tests.page import Page, check_page

MakeApp = Callable[[Mapping[str, str]], Flask]


@pytest.fixture
def without_tables(page: Page, app: Flask, world: World) -> Page:
    """Ana's browser, and a database that has lost everything since she signed in."""
    page.sign_in(world.ana)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
    return page


def test_a_fault_is_a_page_that_says_what_still_works(without_tables: Page):
    response = without_tables.client.get("/connections")
    assert response.status_code == 500
    check_page(response.text)
    assert "Nothing was lost" in response.text
    assert "DROP" not in response.text
    assert "no such table" not in response.text


def test_a_fault_of_the_api_is_problem_json(app: Flask, world: World):
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE api_keys")
    response = app.test_client().get("/api/v1/connections", headers={"Authorization": "Bearer rck_x"})
    assert (response.status_code, response.mimetype) == (500, "application/problem+json")
    assert response.get_json()["code"] == "internal_error"


@pytest.mark.parametrize("path", ["/api/v1/connections", "/login/nonsense"])
def test_a_database_that_is_away_is_worth_another_try(environ: dict[str, str], make_app: MakeApp, path: str):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"postgresql://portal@127.0.0.1:{closed.getsockname()[1]}/portal"
        app = make_app(environ | {"PORTAL_DATABASE_URL": away})
        response = app.test_client().get(path, headers={"Authorization": "Bearer rck_x"})
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "Nothing was lost" in response.text


def test_a_form_that_is_not_ours_is_asked_for_again(page: Page, world: World):
    page.sign_in(world.ana)
    response = page.client.post("/logout", data={})
    assert response.status_code == 400
    assert "Please send the form again" in response.text


def test_a_page_behind_the_door_leads_to_the_door_and_remembers_the_way(page: Page, world: World):
    page.get("/connections?x=1", status=302, follow=False)
    assert page.location == "/login?next=/connections?x%3D1"


@pytest.mark.parametrize(
    ("path", "button", "comes_back_to"),
    [
        ("/admin/members/invite", "Send invitation", "/admin/members/invite"),
        ("/admin/members/{ana}", "Send invitation", "/admin/members/{ana}"),
        ("/connections/{own}", "Reconnect", "/connections/{own}"),
        ("/admin/connections/{own}", "Send reminder", "/admin/connections"),
        ("/sessions", "Sign out everywhere", "/sessions"),
    ],
)
def test_a_form_sent_after_the_session_ended_leads_back_to_where_it_stood(
    page: Page, app: Flask, world: World, path: str, button: str, comes_back_to: str
):
    with app.app_context():
        places = {"ana": world.ana.id, "own": make_connection(world.chloe, now=clock.now())}
    page.sign_in(world.chloe).get(path.format(**places))
    with page.client.session_transaction() as cookie:
        cookie["_user_id"] = "ended"
    page.submit(button, status=303, follow=False)
    assert page.location == f"/login?next={comes_back_to.format(**places)}"


def test_a_page_about_a_consent_that_failed_leads_back_to_the_connections(page: Page, world: World):
    page.sign_in(world.ana).get("/consent/callback/demo-social?state=made-up", status=400)
    assert page.press_link("Go to my connections").heading == "My connections"


def test_a_wrong_method_names_the_right_ones(page: Page):
    response = page.client.delete("/login")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]
