"""A member's own connections: made, named, ended."""

from uuid import UUID

import pytest

from tests.browser.acme import Acme
from tests.fixtures.browser import SignIn
from tests.patience import eventually

pytestmark = pytest.mark.browser


def test_a_first_connection_is_made_from_the_empty_page(acme: Acme, sign_in: SignIn) -> None:
    login = acme.login("Channel", slug="video")
    ana = sign_in(acme.ana, "/connections")
    ana.sees("Nothing is connected yet")
    ana.follow("Connect")
    ana.page.get_by_role("radio", name="Demo Video").check()
    ana.fill("Nickname", "Recipes")
    ana.press("Connect")
    ana.consent(login.label)
    assert ana.heading == "Recipes"
    ana.sees("Connected. Thank you.", login.name, "in 90 days", "Bakery", "Jobs")
    assert acme.ask_token(UUID(ana.place.rpartition("/")[2])).json()["subject"] == login.sub


def test_a_provider_has_to_be_chosen(acme: Acme, sign_in: SignIn) -> None:
    ana = sign_in(acme.ana, "/connections/new")
    ana.press("Connect")
    ana.sees("There is a problem", "Choose a provider.")


def test_what_ends_soonest_comes_first(acme: Acme, sign_in: SignIn) -> None:
    acme.connect(acme.ana, acme.login("Later"), "Later page", days_left=40)
    acme.connect(acme.ana, acme.login("Sooner"), "Sooner page", days_left=20)
    rows = sign_in(acme.ana, "/connections").page.get_by_role("rowheader").all_inner_texts()
    assert [("Sooner" in row, "Later" in row) for row in rows] == [(True, False), (False, True)]


def test_a_nickname_can_be_changed(acme: Acme, sign_in: SignIn) -> None:
    acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    ana = sign_in(acme.ana, "/connections")
    ana.follow("Rename")
    ana.fill("Nickname", "")
    ana.press("Save nickname")
    ana.sees("There is a problem")
    ana.fill("Nickname", "Cake page")
    ana.press("Save nickname")
    assert ana.heading == "Cake page"
    ana.sees("Nickname saved.")


def test_disconnecting_ends_it_here_and_at_the_provider(acme: Acme, sign_in: SignIn) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page")
    ana = sign_in(acme.ana, f"/connections/{connection_id}")
    ana.follow("Disconnect")
    assert ana.heading == "“Bakery page” will stop working for your organization"
    ana.follow("Keep it connected")
    ana.follow("Disconnect")
    ana.press("Disconnect")
    ana.sees("Disconnected.", "It is disconnected")
    assert acme.ask_token(connection_id).status_code == 409
    assert eventually(lambda: acme.living_grants(login) == 0)


def test_a_disconnected_one_can_be_connected_again(acme: Acme, sign_in: SignIn) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page")
    ana = sign_in(acme.ana, f"/connections/{connection_id}/disconnect")
    ana.press("Disconnect")
    ana.press("Reconnect")
    ana.consent(login.label)
    ana.sees("Reconnected. Thank you.", "in 60 days")
