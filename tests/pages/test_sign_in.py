"""The door: the same for everybody who asks, one button behind every link, and a way on from each dead one."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal import clock
from portal.models.email import EmailKind
from portal.services import emails, sign_in
from tests.factories import Person, World
from tests.links import change_member, delivered_link, live_sessions, requests, sign_in_mails, used_at
from tests.page import Page

ADDRESS = "/connections/0190b5a4-0000-7000-8000-000000000001"
DEAD = {
    "expired": "This link has expired",
    "superseded": "This link was replaced by a newer one",
    "used": "This link was already used",
}
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def link_to(person: Person, app: Flask, how: str = "live", *, kind: EmailKind = EmailKind.REMINDER) -> str:
    """The path of a link in this state, which leads to ADDRESS."""
    now = clock.now()
    with app.app_context():
        minted_at = now - timedelta(hours=83) if how == "expired" else now
        token = delivered_link(person, now=minted_at, kind=kind, place=ADDRESS)
        if how == "superseded":
            delivered_link(person, now=now, kind=kind)
        if how == "used":
            sign_in.redeem(token, browser="Elsewhere", leaving=None, now=now)
    return f"/login/{token}"


def sessions_of(person: Person, app: Flask) -> int:
    with app.app_context():
        return live_sessions(person)


def queued(app: Flask) -> list[tuple[object, str | None]]:
    with app.app_context():
        return [(mail.member_id, mail.place) for mail in sign_in_mails()]


# Where everybody begins


def test_who_is_not_signed_in_begins_at_the_door(page: Page) -> None:
    assert page.get("/").heading == "Sign in"


@pytest.mark.parametrize(
    ("name", "home"), [("ana", "/connections"), ("dmitri", "/connections"), ("chloe", "/admin/connections")]
)
def test_each_role_has_its_own_first_page(name: str, home: str, page: Page, world: World) -> None:
    assert page.sign_in(getattr(world, name)).get("/", status=302, follow=False).location == home


def test_who_is_signed_in_walks_through_the_door_to_their_place(page: Page, world: World) -> None:
    assert page.sign_in(world.ana).get(f"/login?next={ADDRESS}", status=302, follow=False).location == ADDRESS


def test_who_must_sign_in_first_is_led_back_to_where_they_were_going(page: Page, app: Flask, world: World) -> None:
    page.get("/sessions?from=here")
    assert page.heading == "Sign in"
    page.submit("Email me a sign-in link", email="ana@acme.example")
    with app.app_context():
        assert requests()[-1].place == "/sessions?from=here"


# Asking for a link


def test_the_door_asks_for_the_work_email_alone(page: Page) -> None:
    page.get("/login")
    assert page.heading == "Sign in"
    assert "Work email" in page.text
    assert labels(page) == ["Email me a sign-in link"]


def test_asking_is_answered_with_a_look_into_the_inbox(page: Page, app: Flask, world: World) -> None:
    page.get("/login").submit("Email me a sign-in link", email="  Ana@ACME.example ")
    assert page.heading == "Check your inbox"
    assert "ana@" not in page.text.lower()
    with app.app_context():
        assert [asked.address for asked in requests()] == ["ana@acme.example"]


ADDRESSES = ["ana@acme.example", "nobody@acme.example", "ben@acme.example", "somebody@nowhere.example"]


def test_every_address_gets_the_same_answer_and_the_same_work(app: Flask, world: World) -> None:
    with app.app_context():
        change_member(world.ben, deactivated_at=clock.now())
    answers = [answer_to(address, app) for address in ADDRESSES]
    assert len({(answer.status_code, answer.text, tuple(answer.headers.keys())) for answer in answers}) == 1
    with app.app_context():
        assert {asked.answered_at for asked in requests()} == {None}, "who it is, is nobody's question here"
        assert len(requests()) == len(ADDRESSES)


def answer_to(address: str, app: Flask) -> TestResponse:
    browser = app.test_client()
    return browser.post("/login", data={"csrf_token": csrf(browser), "email": address, "next": "/"})


@pytest.mark.parametrize(
    "address", ["", " ", "ana", "ana@acme", "a b@acme.example", "@acme.example", "a@b@c.example", "x" * 300]
)
def test_what_is_no_address_is_said_at_the_field(address: str, page: Page, app: Flask) -> None:
    page.get(f"/login?next={ADDRESS}").submit("Email me a sign-in link", email=address, status=422)
    assert page.heading == "Sign in"
    assert "There is a problem" in page.text
    assert [link.get("href") for link in page.all("a") if (link.get("href") or "").startswith("#em")] == ["#email"]
    assert [field.get("value") for field in page.all("input") if field.get("name") == "next"] == [ADDRESS]
    with app.app_context():
        assert not requests()


@pytest.mark.parametrize(
    "place", ["https://globex.example/", "//globex.example", "/\\globex.example", "/%2F/globex.example"]
)
def test_nobody_is_led_out_of_the_portal(place: str, page: Page, app: Flask) -> None:
    page.get("/login", follow=False)
    page.submit("Email me a sign-in link", email="ana@acme.example", next=place)
    with app.app_context():
        assert requests()[-1].place == "/"


def test_a_place_too_long_to_keep_is_dropped(page: Page, app: Flask) -> None:
    page.get("/login").submit("Email me a sign-in link", email="ana@acme.example", next="/" + "x" * 2000)
    with app.app_context():
        assert requests()[-1].place == "/"


def test_a_network_that_asks_too_often_has_to_wait(app: Flask, world: World) -> None:
    browser = app.test_client()
    form = {"csrf_token": csrf(browser), "email": "nobody@acme.example", "next": "/"}
    statuses = [browser.post("/login", data=form).status_code for _ in range(30)]
    assert statuses == [303] * 30
    refused = browser.post("/login", data=form)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 601
    assert "too many requests" in refused.text
    assert browser.get("/login").status_code == 200, "looking is free"
    elsewhere = browser.post("/login", data=form, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code == 303, "another network is not held up"


def test_an_ipv6_network_cannot_wear_another_address_each_time(app: Flask) -> None:
    browser = app.test_client()
    form = {"csrf_token": csrf(browser), "email": "nobody@acme.example", "next": "/"}
    for host in range(31):
        answer = browser.post("/login", data=form, environ_base={"REMOTE_ADDR": f"2001:db8::{host:x}"})
    assert answer.status_code == 429


def test_renewing_counts_against_the_same_limit(app: Flask, world: World) -> None:
    path = link_to(world.ana, app, "expired")
    browser = app.test_client()
    form = {"csrf_token": csrf(browser), "email": "nobody@acme.example", "next": "/"}
    for _ in range(30):
        browser.post("/login", data=form)
    assert browser.post(f"{path}/renew", data=form).status_code == 429


def test_the_whole_way_from_the_door_to_the_place(page: Page, app: Flask, world: World) -> None:
    page.get(f"/login?next={ADDRESS}").submit("Email me a sign-in link", email="ana@acme.example")
    with app.app_context():
        sign_in.answer(requests()[-1].id, now=clock.now())
        emails.deliver([mail.id for mail in sign_in_mails()], now=clock.now())
        (letter,) = app.extensions["reconsent"].config.mailbox_dir.rglob("*.eml")
    path = re.search(r"/login/[\w.~-]{30,}", letter.read_text().replace("=\n", ""))
    assert path is not None
    page.get(path[0]).submit("Continue", status=303, follow=False)
    assert page.location == ADDRESS
    assert sessions_of(world.ana, app) == 1


# A link's page


def test_a_live_link_shows_a_button_and_nothing_happens_yet(page: Page, app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    for _ in range(25):
        page.get(path)
    assert labels(page) == ["Continue"]
    assert "ana@acme.example" not in page.response.text
    with app.app_context():
        assert used_at(world.ana) is None
    assert sessions_of(world.ana, app) == 0


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET"])
def test_a_scanner_uses_nothing_up(method: str, app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    scanner = app.test_client()
    for _ in range(50):
        assert scanner.open(path, method=method).status_code == 200
    with app.app_context():
        assert used_at(world.ana) is None


def test_a_scanner_that_posts_without_our_form_is_refused(app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    assert app.test_client().post(path).status_code == 400
    assert sessions_of(world.ana, app) == 0


def test_pressing_the_button_signs_in_and_leads_to_the_place(page: Page, app: Flask, world: World) -> None:
    page.get(link_to(world.ana, app)).submit("Continue", status=303, follow=False)
    assert page.location == ADDRESS
    page.get("/sessions")
    assert "Ana Alvarez" in page.response.text


@pytest.mark.parametrize(("how", "heading"), DEAD.items())
def test_a_dead_link_says_what_happened_and_offers_a_new_one(
    how: str, heading: str, page: Page, app: Flask, world: World
) -> None:
    page.get(link_to(world.ana, app, how), status=410)
    assert page.heading == heading
    assert labels(page) == ["Email me a new link"]
    assert "Sign in" in [(link.text or "").strip() for link in page.all("a")]
    assert "ana@acme.example" not in page.response.text


def test_an_expired_link_says_how_long_it_was_valid(page: Page, app: Flask, world: World) -> None:
    page.get(link_to(world.ana, app, "expired"), status=410)
    assert "It was valid for 82 hours" in page.text


def test_a_link_of_an_admin_was_valid_for_a_day(page: Page, app: Flask, world: World) -> None:
    page.get(link_to(world.chloe, app, "expired"), status=410)
    assert "It was valid for 24 hours" in page.text


@pytest.mark.parametrize("token", ["nonsense", "a" * 64, "%00", "ümlaut", "x" * 3000, "..%2fadmin"])
def test_what_is_no_link_says_so(token: str, page: Page) -> None:
    page.get(f"/login/{token}", status=404)
    if "%2f" not in token:
        assert page.heading == "This link is not valid"
        assert not labels(page)
        page.press_link("Sign in")
        assert page.heading == "Sign in"


def test_a_deactivated_members_link_is_not_valid(page: Page, app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    with app.app_context():
        change_member(world.ana, deactivated_at=clock.now())
    assert page.get(path, status=404).heading == "This link is not valid"


@pytest.mark.parametrize("how", ["live", *DEAD])
def test_its_owner_signed_in_already_goes_straight_to_the_place(how: str, page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ana)
    assert page.get(link_to(world.ana, app, how), status=302, follow=False).location == ADDRESS


def test_its_owner_may_press_an_old_page_of_theirs(app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    browser = app.test_client()
    form = {"csrf_token": csrf(browser, path)}
    assert browser.post(path, data=form).location == ADDRESS
    again = browser.post(path, data={"csrf_token": csrf(browser, "/sessions")})
    assert (again.status_code, again.location) == (303, ADDRESS)
    assert sessions_of(world.ana, app) == 1


def test_somebody_else_is_asked_before_they_are_signed_out(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ben).get(link_to(world.ana, app))
    assert "You are signed in as Ben Brandt" in page.text
    assert labels(page) == ["Continue"]
    assert sessions_of(world.ben, app) == 1
    page.submit("Continue", status=303, follow=False)
    assert (sessions_of(world.ben, app), sessions_of(world.ana, app)) == (0, 1)


def test_somebody_else_may_stay_who_they_are(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.ben).get(link_to(world.ana, app))
    page.press_link("Stay signed in as Ben Brandt", follow=False, status=302)
    assert sessions_of(world.ben, app) == 1
    assert sessions_of(world.ana, app) == 0


def test_a_page_whose_link_died_meanwhile_shows_what_happened(page: Page, app: Flask, world: World) -> None:
    page.get(link_to(world.ana, app))
    with app.app_context():
        delivered_link(world.ana, now=clock.now())
    assert page.submit("Continue", status=410).heading == DEAD["superseded"]
    assert sessions_of(world.ana, app) == 0


@pytest.mark.both_databases
def test_fifty_presses_at_once_sign_in_once(app: Flask, world: World) -> None:
    path = link_to(world.ana, app)
    browsers = [app.test_client() for _ in range(50)]
    tokens = [csrf(browser, path) for browser in browsers]
    ready = Barrier(len(browsers))

    def press(browser: FlaskClient, token: str) -> str:
        ready.wait()
        return browser.post(path, data={"csrf_token": token}).location

    with ThreadPoolExecutor(len(browsers)) as pool:
        places = list(pool.map(press, browsers, tokens))
    assert sorted(places) == sorted([ADDRESS] + [path] * 49)
    assert sessions_of(world.ana, app) == 1


# A new link


@pytest.mark.parametrize("how", DEAD)
def test_a_new_link_goes_to_its_owner_and_to_the_same_place(how: str, page: Page, app: Flask, world: World) -> None:
    page.get(link_to(world.ana, app, how), status=410).submit("Email me a new link")
    assert page.heading == "Check your inbox"
    assert "acme.example" not in page.text
    assert queued(app) == [(world.ana.id, ADDRESS)]


def test_a_stranger_who_renews_learns_nothing_and_comes_in_nowhere(page: Page, app: Flask, world: World) -> None:
    page.sign_in(world.eve).get(link_to(world.ana, app, "expired"), status=410)
    assert "Ana" not in page.text
    page.submit("Email me a new link")
    assert sessions_of(world.ana, app) == 0


def test_renewing_too_often_gives_the_same_page_and_no_more_mail(page: Page, app: Flask, world: World) -> None:
    path = link_to(world.ana, app, "expired")
    for _ in range(3):
        assert page.get(path, status=410).submit("Email me a new link").heading == "Check your inbox"
    assert len(queued(app)) == 1


@pytest.mark.parametrize("what", ["live", "not one"])
def test_only_dead_links_are_renewed(what: str, app: Flask, world: World) -> None:
    path = link_to(world.ana, app) if what == "live" else "/login/nonsense"
    browser = app.test_client()
    answer = browser.post(f"{path}/renew", data={"csrf_token": csrf(browser)})
    assert (answer.status_code, answer.location) == (303, path)
    assert not queued(app)


def labels(page: Page) -> list[str]:
    """The buttons with words on them."""
    return [label for label in page.buttons if label]


def csrf(browser: FlaskClient, path: str = "/login") -> str:
    found = CSRF.search(browser.get(path).text)
    assert found is not None
    return found[1]
