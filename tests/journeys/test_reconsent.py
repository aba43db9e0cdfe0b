"""Connecting and reconnecting over real HTTP: the same login, another one, and each way to decide."""

import re
from collections.abc import Callable

from tests.factories import World
from tests.journeys.conftest import Traveller

Another = Callable[[object], Traveller]


def test_a_first_connection_shows_login_accounts_date_and_calendar(traveller: Traveller) -> None:
    page = traveller.connect("social-business", nickname="Bakery")
    assert page.heading == "Bakery"
    assert "Connected. Thank you." in page.text
    assert "Northwind Bakery (hello@northwind-bakery.example), connected since" in page.text
    assert "Northwind Jobs" in page.text
    assert "pages.publish" in page.text
    assert "in 60 days" in page.text
    page.press_link("Add to calendar")
    assert page.response.mimetype == "text/calendar"
    assert "BEGIN:VEVENT" in page.response.text


def test_without_a_nickname_it_is_called_after_the_login(traveller: Traveller) -> None:
    assert traveller.connect("social-business").heading == "Northwind Bakery"


def test_the_same_login_reconnects_without_a_question(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-business")
    assert page.heading == "Bakery"
    assert "Reconnected. Thank you." in page.text
    assert traveller.living("social-business") == 2  # the old grant of the same login is left to end by itself


def test_the_provider_is_hinted_at_the_expected_login(traveller: Traveller) -> None:
    traveller.connect("social-business")
    traveller.page.submit("Reconnect", follow=False, status=303)
    assert "login_hint=hello%40northwind-bakery.example" in traveller.page.location


def test_several_logins_of_one_provider_live_side_by_side(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    traveller.connect("social-personal", nickname="Travel")
    page = traveller.page.get("/connections")
    assert "Bakery" in page.text
    assert "Travel" in page.text


def test_another_login_is_asked_about_with_both_sides_shown(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-personal")
    assert page.heading == "You signed in to a different account"
    assert page.buttons[-4:] == ["Use the right login", "Replace", "Keep both", "Cancel"]
    for words in ("Northwind Bakery", "Robin Ahlgren", "Northwind Jobs", "Robin's travel photos", "works as before"):
        assert words in page.text


def test_use_the_right_login_goes_back_with_the_choice_of_account(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    traveller.consent("Reconnect", "social-personal")
    address = traveller.go("Use the right login", "social-business")
    assert "select_account" in traveller.page.location
    assert traveller.living("social-personal") == 0
    page = traveller.come_back(address)
    assert page.heading == "Bakery"
    assert "Reconnected. Thank you." in page.text


def test_replace_uses_the_other_login_from_now_on(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-personal").submit("Replace")
    assert page.heading == "Bakery"
    assert "Robin Ahlgren (robin.ahlgren@example.com), connected since" in page.text


def test_keep_both_asks_for_a_name_and_connects_the_other_login_too(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-personal").submit("Keep both", nickname="Travel")
    assert page.heading == "Travel"
    assert "Bakery" in page.get("/connections").text
    assert traveller.living("social-business") == 1


def test_a_name_that_is_too_long_is_said_so_and_nothing_happens(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-personal").submit("Keep both", status=422, nickname="x" * 61)
    assert "Use at most 60 characters." in page.text
    assert page.submit("Keep both", nickname="Travel").heading == "Travel"


def test_cancel_changes_nothing_and_ends_the_other_login_at_the_provider(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-personal").submit("Cancel")
    assert "the connection works as before" in page.text
    assert "Northwind Bakery" in page.text
    assert traveller.living("social-personal") == 0
    assert traveller.living("social-business") == 1


def test_cancelling_a_smaller_consent_of_the_same_login_revokes_nothing(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-business", accounts=["page-northwind"])
    assert page.heading == "Something is no longer shared"
    assert "Northwind Jobs" in page.text
    page.submit("Cancel")
    assert traveller.living("social-business") == 2


def test_unticked_scopes_are_asked_about(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.consent("Reconnect", "social-business", scopes=["pages.read"])
    assert page.heading == "Something is no longer shared"
    assert "Scope pages.publish: the connection cannot do without it" in page.text
    page.submit("Replace")
    assert "Missing: pages.publish" in page.text


def test_a_login_one_has_connected_already_can_be_renewed_there(traveller: Traveller) -> None:
    traveller.connect("social-business", nickname="Bakery")
    page = traveller.connect("social-business", nickname="Second")
    assert page.heading == "This login is already connected"
    assert "“Bakery”" in page.text
    assert "Replace" not in page.buttons
    page.submit("Renew the other connection")
    assert page.heading == "Bakery"
    assert "Second" not in page.get("/connections").text


def test_a_colleagues_login_is_named_and_can_be_taken_over(
    traveller: Traveller, another: Another, world: World
) -> None:
    traveller.connect("social-shared", nickname="Team")
    ben = another(world.ben)
    page = ben.connect("social-shared", nickname="Team, too")
    assert page.heading == "This login is already connected"
    assert "Ana Alvarez has connected this login" in page.text
    assert page.submit("Replace").heading == "Team, too"
    traveller.page.get("/connections").press_link("Team")
    assert "It is held by Ben Brandt" in traveller.page.text


def test_another_organizations_holder_is_never_named(traveller: Traveller, another: Another, world: World) -> None:
    traveller.connect("social-shared", nickname="Secret plans")
    page = another(world.eve).connect("social-shared", nickname="Ours")
    assert "Another organization has connected this login" in page.text
    for secret in ("Ana", "Acme", "Secret plans"):
        assert secret not in page.response.text
    page.submit("Replace")
    traveller.page.get("/connections").press_link("Secret plans")
    assert "Somebody else connected the same login" in traveller.page.text
    assert not re.search("Eve Evans|Globex|Ours", traveller.page.text)


def test_disconnecting_says_what_it_means_and_ends_the_access_at_the_provider(traveller: Traveller) -> None:
    page = traveller.connect("social-business", nickname="Bakery")
    page.press_link("Disconnect")
    assert page.heading == "“Bakery” will stop working for your organization"
    page.submit("Disconnect")
    assert "Disconnected." in page.text
    assert "has not confirmed" not in page.text
    assert traveller.living("social-business") == 0


def test_a_provider_that_does_not_answer_leaves_the_revocation_outstanding_until_the_tick(
    traveller: Traveller, finish_revocations: Callable[[], int]
) -> None:
    page = traveller.connect("social-business", nickname="Bakery")
    traveller.provider.control("social/fail", kind="unavailable", on="revoke")
    page.press_link("Disconnect").submit("Disconnect")
    assert "has not confirmed that the access is ended there" in page.text
    assert traveller.living("social-business") == 1
    traveller.provider.control("social/heal")
    assert finish_revocations() == 1
    assert traveller.living("social-business") == 0
    assert "has not confirmed" not in page.get(page.path).text


def test_a_disconnected_connection_can_be_reconnected(traveller: Traveller) -> None:
    page = traveller.connect("social-business", nickname="Bakery")
    page.press_link("Disconnect").submit("Disconnect")
    page = traveller.consent("Reconnect", "social-business")
    assert "Reconnected. Thank you." in page.text
