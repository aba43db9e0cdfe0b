"""The states of a login link, with their words, and the way on from each."""

from datetime import timedelta

import pytest

from portal.models.email import EmailKind
from tests.browser.acme import Acme
from tests.browser.demo import Demo, link_in
from tests.browser.visitor import Visitor
from tests.factories import Person
from tests.fixtures.browser import Browse, SignIn

pytestmark = pytest.mark.browser

SUPERSEDED = "This link was replaced by a newer one"
USED = "This link was already used"
EXPIRED = "This link has expired"


@pytest.fixture
def place(acme: Acme) -> str:
    """Where the links lead: a page of Ana's that she did not come to by herself."""
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    return f"/connections/{connection_id}"


def assert_new_link_leads_on(demo: Demo, visitor: Visitor, who: Person, place: str) -> None:
    """The dead link's page brings a new one to the same inbox and the same place, and never shows the address."""
    assert who.email not in visitor.page.content()
    visitor.press("Email me a new link")
    assert visitor.heading == "Check your inbox"
    visitor.open(link_in(demo.wait_for_mail(who.email, "sign_in")))
    visitor.press("Continue")
    assert visitor.place == place


def test_a_used_link_offers_a_new_one_to_the_same_place(demo: Demo, acme: Acme, browse: Browse, place: str) -> None:
    link = acme.link(acme.ana, place)
    first, second = browse(), browse()
    first.open(link)
    first.press("Continue")
    second.open(link)
    assert second.heading == USED
    assert_new_link_leads_on(demo, second, acme.ana, place)


def test_a_link_used_by_its_signed_in_owner_simply_leads_to_the_place(acme: Acme, browse: Browse, place: str) -> None:
    link, ana = acme.link(acme.ana, place), browse()
    ana.open(link)
    ana.press("Continue")
    ana.open("/connections")
    ana.open(link)
    assert ana.place == place


def test_a_newer_link_replaces_the_older_one(demo: Demo, acme: Acme, browse: Browse, place: str) -> None:
    older, newer = acme.link(acme.ana, place), acme.link(acme.ana, "/connections")
    visitor = browse()
    visitor.open(older)
    assert visitor.heading == SUPERSEDED
    assert_new_link_leads_on(demo, visitor, acme.ana, place)
    stranger = browse()
    stranger.open(newer)
    assert stranger.heading == SUPERSEDED  # by the one just asked for


def test_links_expire_each_in_its_time(demo: Demo, acme: Acme, browse: Browse, place: str) -> None:
    sent = {
        "82 hours": acme.link(acme.ana, place),
        "24 hours": acme.link(acme.chloe, "/admin/connections"),
        "1 hour": acme.link(acme.ben, "/connections", kind=EmailKind.SIGN_IN),
    }
    demo.move_clock(timedelta(hours=82, minutes=1))
    for lifetime, link in sent.items():
        visitor = browse()
        visitor.open(link)
        assert visitor.heading == EXPIRED
        visitor.sees(f"It was valid for {lifetime}.")
    ana = browse()
    ana.open(sent["82 hours"])
    assert_new_link_leads_on(demo, ana, acme.ana, place)


def test_a_link_that_is_none_leads_to_the_door(browse: Browse) -> None:
    visitor = browse()
    response = visitor.open("/login/bm90LWEtbGluaw")
    assert response is not None
    assert response.status == 404
    assert visitor.heading == "This link is not valid"
    visitor.follow("Sign in")
    assert visitor.heading == "Sign in"


def test_opening_a_link_changes_nothing_however_often(acme: Acme, browse: Browse, place: str) -> None:
    link = acme.link(acme.ana, place)
    for _ in range(3):
        browse().open(link)
    ana = browse()
    ana.open(link)
    ana.press("Continue")
    assert ana.place == place


def test_somebody_elses_link_warns_before_it_changes_who_is_signed_in(acme: Acme, sign_in: SignIn, place: str) -> None:
    ben = sign_in(acme.ben, "/connections")
    ben.open(acme.link(acme.ana, place))
    ben.sees("You are signed in as Ben Brandt")
    ben.follow("Stay signed in as Ben Brandt")
    assert ben.heading == "My connections"
