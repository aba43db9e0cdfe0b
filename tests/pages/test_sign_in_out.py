"""Being signed in, seeing where, and not being it any more: at once, everywhere, whatever cookie somebody kept."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal import clock
from portal.crypto import from_base64url
from portal.rules.roles import Role
from portal.services import sessions
from tests.factories import Person, World
from tests.links import age_sessions, change_member, delivered_link, live_sessions
from tests.page import Page

MakeApp = Callable[[Mapping[str, str]], Flask]


@pytest.fixture
def other_process(make_app: MakeApp, app: Flask, environ: dict[str, str]) -> Flask:
    """Another web process over the same database."""
    return make_app(environ)


def kept_cookie(page: Page) -> str:
    cookie = page.client.get_cookie("reconsent", domain="localhost")
    assert cookie is not None
    return cookie.value


def is_signed_in(app: Flask, cookie: str) -> bool:
    browser: FlaskClient = app.test_client()
    browser.set_cookie("reconsent", cookie)
    return browser.get("/sessions").status_code == 200


def begin(person: Person, app: Flask, browser: str = "Safari on iPhone") -> None:
    with app.app_context():
        sessions.begin(person.id, browser=browser, now=clock.now())


def test_signing_out_leads_to_the_door_and_says_so(page: Page, world: World) -> None:
    page.sign_in(world.ana).get("/sessions").submit("Sign out")
    assert page.heading == "Sign in"
    assert "You are signed out" in page.text
    page.get("/sessions", follow=False, status=302)


def test_signing_out_takes_a_post(page: Page, world: World) -> None:
    page.sign_in(world.ana).get("/logout", status=405)
    page.get("/sessions")


def test_a_cookie_saved_before_signing_out_is_refused_by_every_process(
    page: Page, app: Flask, other_process: Flask, world: World
) -> None:
    page.sign_in(world.ana).get("/sessions")
    cookie = kept_cookie(page)
    assert is_signed_in(other_process, cookie)
    page.submit("Sign out")
    assert not is_signed_in(app, cookie)
    assert not is_signed_in(other_process, cookie)


def test_a_deactivated_member_is_out_on_every_process_at_once(
    page: Page, app: Flask, other_process: Flask, world: World
) -> None:
    page.sign_in(world.ana).get("/sessions")
    with app.app_context():
        change_member(world.ana, deactivated_at=clock.now())
    assert not is_signed_in(app, kept_cookie(page))
    assert not is_signed_in(other_process, kept_cookie(page))


def test_an_idle_session_is_over(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ana).get("/sessions")
    now = clock.now()
    with app.app_context():
        age_sessions(world.ana, began=now - timedelta(hours=13), last_seen=now - timedelta(hours=12))
    page.get("/sessions")
    assert page.heading == "Sign in"


def test_using_the_portal_keeps_a_session_awake(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ana)
    now = clock.now()
    with app.app_context():
        age_sessions(world.ana, began=now - timedelta(hours=20), last_seen=now - timedelta(hours=11))
    page.get("/sessions")
    with app.app_context():
        member = sessions.find(session_token(page), now=clock.now())
        assert member is not None
        assert member.last_seen_at >= now


def test_a_busy_session_is_not_written_at_every_look(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ana).get("/sessions")
    with app.app_context():
        before = sessions.find(session_token(page), now=clock.now())
    page.get("/sessions")
    with app.app_context():
        assert sessions.find(session_token(page), now=clock.now()) == before


def test_signing_in_leaves_nothing_of_what_the_browser_held_before(page: Page, app: Flask, world: World) -> None:
    with app.app_context():
        token = delivered_link(world.ana, now=clock.now())
        planted = sessions.begin(world.ben.id, browser="Mallory's", now=clock.now())
    page.get(f"/login/{token}")
    with page.client.session_transaction() as cookie:
        cookie["planted"] = "by somebody else"
        cookie["_user_id"] = planted
        before = cookie["csrf_token"]
    page.get(f"/login/{token}").submit("Continue", follow=False, status=303)
    with page.client.session_transaction() as cookie:
        assert cookie["_user_id"] != planted
        assert "planted" not in cookie
        assert cookie.get("csrf_token") != before


def test_a_session_planted_in_a_browser_never_becomes_its_owners(page: Page, app: Flask, world: World) -> None:
    """Whoever knows the name of a session from before signing in knows nothing of the one after it."""
    with app.app_context():
        token = delivered_link(world.ana, now=clock.now())
    page.get(f"/login/{token}")
    saved = kept_cookie(page)
    page.submit("Continue", follow=False, status=303)
    assert not is_signed_in(app, saved)
    assert is_signed_in(app, kept_cookie(page))


def test_the_sessions_page_lists_every_browser(page: Page, app: Flask, world: World) -> None:
    begin(world.ana, app)
    begin(world.ben, app, "Somebody else's")
    page.sign_in(world.ana).get("/sessions")
    assert page.heading == "Where you are signed in"
    assert "Test browser This browser" in page.text
    assert "Safari on iPhone" in page.text
    assert "Somebody else" not in page.text
    assert "Sign out everywhere" in page.buttons


def test_another_browser_can_be_signed_out(page: Page, app: Flask, world: World) -> None:
    begin(world.ana, app)
    page.sign_in(world.ana).get("/sessions").submit("End")
    assert "That browser is signed out" in page.text
    assert "Safari on iPhone" not in page.text
    page.get("/sessions")


def test_signing_out_everywhere_ends_every_session(page: Page, app: Flask, world: World) -> None:
    begin(world.ana, app)
    page.sign_in(world.ana).get("/sessions").submit("Sign out everywhere")
    assert page.heading == "Sign in"
    with app.app_context():
        assert live_sessions(world.ana) == 0


@pytest.mark.parametrize("name", ["ben", "chloe", "eve"])
def test_nobody_ends_anothers_session(name: str, page: Page, app: Flask, world: World) -> None:
    with app.app_context():
        anas = sessions.find(sessions.begin(world.ana.id, browser="x", now=clock.now()), now=clock.now())
        assert anas is not None
    begin(getattr(world, name), app)
    page.sign_in(getattr(world, name)).get("/sessions")
    form = next(form for form in page.all("form") if (form.get("action") or "").endswith("/end"))
    form.set("action", f"/sessions/{anas.session_id}/end")
    page.submit("End", status=404)
    with app.app_context():
        assert live_sessions(world.ana) == 1


def test_the_browsers_own_name_is_kept_in_words(page: Page, app: Flask, world: World) -> None:
    page.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"
    with app.app_context():
        token = delivered_link(world.ana, now=clock.now(), place="/sessions")
    page.get(f"/login/{token}").submit("Continue")
    assert "Firefox on Linux This browser" in page.text


def test_a_role_taken_away_closes_the_admins_pages_at_once(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.chloe).get("/", follow=False, status=302)
    assert page.location == "/admin/connections"
    with app.app_context():
        change_member(world.chloe, role=Role.MEMBER)
    page.get("/", follow=False, status=302)
    assert page.location == "/connections"


def test_nothing_that_signs_in_is_stored_anywhere(
    page: Page, app: Flask, world: World, environ: dict[str, str]
) -> None:
    with app.app_context():
        token = delivered_link(world.ana, now=clock.now(), place="/sessions")
    page.get(f"/login/{token}").submit("Continue")
    secrets = (token, session_token(page))
    database = Path(environ["PORTAL_DATABASE_URL"].removeprefix("sqlite:///"))
    stored = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    redis = app.extensions["reconsent"].redis
    stored += b"".join(redis.dump(key) for key in redis.scan_iter())
    assert b"ana@acme.example" in stored, "we looked at the right files"
    for secret in secrets:
        raw = from_base64url(secret)
        forms = (secret.encode(), raw, raw.hex().encode(), quote(secret).encode(), b64encode(raw).rstrip(b"="))
        assert not [form for form in forms if form in stored]


def session_token(page: Page) -> str:
    with page.client.session_transaction() as cookie:
        return str(cookie["_user_id"])
