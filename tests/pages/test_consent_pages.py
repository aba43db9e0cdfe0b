"""The review page: what it shows, what it asks, and what wrong forms come to."""

from uuid import UUID, uuid4

import pytest
from flask import Flask

from portal import clock
from portal.services import sessions
from portal.services.asker import Asker
from tests.consents import OTHER_PAGE, PAGE, come_back, connected, new_grant
from tests.factories import World
from tests.page import Page

LABEL = "Northwind Bakery (hello@northwind.example)"


@pytest.fixture
def ana(page: Page, world: World) -> Page:
    return page.sign_in(world.ana)


def asker_of(page: Page) -> Asker:
    """Who the browser is signed in as."""
    with page.client.session_transaction() as cookie:
        found = sessions.find(cookie["_user_id"], now=clock.now())
    assert found is not None
    return found.asker


@pytest.fixture
def review(ana: Page, app: Flask) -> UUID:
    """Ana has come back with another login, which shares less."""
    with app.app_context():
        asker, now = asker_of(ana), clock.now()
        business = new_grant("business", label=LABEL, accounts=(PAGE, OTHER_PAGE), now=now)
        connection_id = connected(asker, business, nickname="Bakery", now=now)
        finished = come_back(asker, new_grant("personal", now=now), connection_id=connection_id, began_at=now, now=now)
    assert finished.pending_id is not None
    return finished.pending_id


def test_both_sides_are_shown_and_the_safe_way_comes_first(ana: Page, review: UUID) -> None:
    ana.get(f"/consent/{review}")
    assert ana.heading == "You signed in to a different account"
    for words in (LABEL, "personal (personal@example.com)", "“Bakery” so far", "Jobs page", "no longer shared"):
        assert words in ana.text
    assert ana.buttons[-4:] == ["Use the right login", "Replace", "Keep both", "Cancel"]


def test_the_same_login_that_shares_less_is_led_back_to_what_is_missing(ana: Page, app: Flask) -> None:
    with app.app_context():
        asker, now = asker_of(ana), clock.now()
        business = new_grant("business", label=LABEL, accounts=(PAGE, OTHER_PAGE), now=now)
        connection_id = connected(asker, business, nickname="Bakery", now=now)
        less = new_grant("business", label=LABEL, accounts=(PAGE,), now=now)
        finished = come_back(asker, less, connection_id=connection_id, began_at=now, now=now)
    ana.get(f"/consent/{finished.pending_id}")
    assert ana.heading == "Something is no longer shared"
    assert "where you can agree to what is missing" in ana.text
    assert "I meant another login" not in ana.text


def test_looking_decides_nothing_however_often(ana: Page, review: UUID) -> None:
    for _ in range(3):
        ana.get(f"/consent/{review}")
    assert ana.submit("Cancel").heading == "Bakery"


def test_the_back_button_finds_nothing_left_to_decide(ana: Page, review: UUID) -> None:
    ana.get(f"/consent/{review}").submit("Cancel")
    ana.get(f"/consent/{review}", status=410)
    assert ana.heading == "This decision is no longer open"


def test_a_page_kept_open_in_another_tab_decides_nothing_more(ana: Page, review: UUID) -> None:
    other_tab = Page(ana.app)
    other_tab.client = ana.client
    other_tab.get(f"/consent/{review}")
    ana.get(f"/consent/{review}").submit("Keep both", nickname="Travel")
    other_tab.submit("Replace", status=410)
    assert LABEL in ana.get("/connections").text


def test_a_choice_nobody_offered_is_refused(ana: Page, review: UUID) -> None:
    ana.get(f"/consent/{review}").submit("Cancel", status=422, choice="take_everything")
    assert "Choose one of the ways that this page offers." in ana.text


def test_a_review_that_was_not_seen_is_shown_again(ana: Page, review: UUID) -> None:
    ana.get(f"/consent/{review}").submit("Replace", seen="something else")
    assert ana.heading == "You signed in to a different account"
    assert "Nothing was replaced; please look again." in ana.text


def test_a_decision_without_our_own_form_is_refused(ana: Page, review: UUID) -> None:
    assert ana.client.post(f"/consent/{review}", data={"choice": "replace"}).status_code == 400


@pytest.mark.parametrize("who", ["ben", "dmitri"])
def test_somebody_elses_review_is_the_same_404_as_none(app: Flask, world: World, review: UUID, who: str) -> None:
    page = Page(app).sign_in(getattr(world, who))
    assert page.get(f"/consent/{review}", status=404).text == page.get(f"/consent/{uuid4()}", status=404).text


def test_an_answer_from_nowhere_is_refused(ana: Page) -> None:
    ana.get("/consent/callback/demo-social?code=x&state=y", status=400)
    assert ana.heading == "This answer from the provider belongs to nothing you started here"


def test_an_answer_for_somebody_signed_out_leads_to_the_door(page: Page) -> None:
    page.get("/consent/callback/demo-social?code=secret-code&state=y")
    assert page.heading == "Sign in"
    assert "Nothing was changed; please sign in and start again." in page.text
    assert "secret-code" not in page.response.text
