"""The door: signing in by a typed address, and being signed out for good."""

import pytest
from playwright.sync_api import expect

from tests.browser.acme import Acme
from tests.browser.demo import Demo, link_in
from tests.browser.visitor import Visitor
from tests.fixtures.browser import Browse, SignIn

pytestmark = pytest.mark.browser


def ask_for_link(visitor: Visitor, address: str) -> None:
    visitor.fill("Work email", address)
    visitor.press("Email me a sign-in link")


def test_a_typed_address_signs_in_and_leads_to_where_one_wanted_to_go(demo: Demo, acme: Acme, browse: Browse) -> None:
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    ana = browse()
    ana.open(f"/connections/{connection_id}")
    assert ana.heading == "Sign in"
    ask_for_link(ana, f"  {acme.ana.email.upper()} ")
    assert ana.heading == "Check your inbox"
    ana.open(link_in(demo.wait_for_mail(acme.ana.email, "sign_in")))
    ana.press("Continue")
    assert ana.place == f"/connections/{connection_id}"


def test_an_unknown_address_is_answered_alike(acme: Acme, browse: Browse) -> None:
    pages = []
    for address in (acme.address("nobody"), acme.ben.email):
        visitor = browse()
        visitor.open("/login")
        ask_for_link(visitor, address)
        pages.append((visitor.place, visitor.page.get_by_role("main").inner_html()))
    assert pages[0] == pages[1]


def test_what_is_no_address_is_said_at_the_field(browse: Browse) -> None:
    visitor = browse()
    visitor.open("/login")
    ask_for_link(visitor, "ana at acme")
    expect(visitor.page.get_by_role("alert")).to_be_focused()
    visitor.page.get_by_role("alert").get_by_role("link").click()
    expect(visitor.page.get_by_label("Work email")).to_be_focused()


def test_after_signing_out_a_saved_cookie_is_refused(acme: Acme, sign_in: SignIn, browse: Browse) -> None:
    ana = sign_in(acme.ana, "/connections")
    saved = ana.context.cookies()
    ana.press("Sign out")
    ana.sees("You are signed out.")
    thief = browse()
    thief.context.add_cookies(saved)
    thief.open("/connections")
    assert thief.heading == "Sign in"


def test_sign_out_everywhere_ends_every_browser_at_once(acme: Acme, sign_in: SignIn) -> None:
    here, there = sign_in(acme.ana, "/connections"), sign_in(acme.ana, "/connections")
    here.page.get_by_role("banner").get_by_role("link", name="where you are signed in").click()
    here.look()
    assert here.heading == "Where you are signed in"
    here.press("Sign out everywhere")
    here.sees("You are signed out everywhere.")
    there.open("/connections")
    assert there.heading == "Sign in"


def test_one_other_browser_can_be_ended(acme: Acme, sign_in: SignIn) -> None:
    here, there = sign_in(acme.ana, "/sessions"), sign_in(acme.ana, "/sessions")
    here.open("/sessions")
    here.press("End")
    here.sees("That browser is signed out.")
    there.open("/connections")
    assert there.heading == "Sign in"
    here.open("/connections")
    assert here.heading == "My connections"
