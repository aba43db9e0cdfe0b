"""The admins' people: invited, found, changed, deactivated and imported."""

from pathlib import Path

import pytest

from tests.browser.acme import Acme
from tests.browser.demo import Demo, link_in
from tests.browser.visitor import Visitor
from tests.fixtures.browser import Browse, SignIn

pytestmark = pytest.mark.browser

PLACE = "/admin/members"


def names(visitor: Visitor) -> list[str]:
    return visitor.page.get_by_role("table", name="Members").locator("tbody th strong").all_inner_texts()


def test_an_invited_person_signs_in_and_connects_what_they_were_asked_for(
    demo: Demo, acme: Acme, sign_in: SignIn, browse: Browse
) -> None:
    login, address = acme.login("Business"), acme.address("faye")
    chloe = sign_in(acme.chloe, PLACE)
    chloe.follow("Invite a person")
    chloe.fill("Work email", address)
    chloe.fill("Name", "Faye Foster")
    chloe.page.get_by_label("Ask them to connect").select_option("Demo Social")
    chloe.fill("Nickname of the connection", "Bakery page")
    chloe.press("Send invitation")
    assert chloe.heading == "Faye Foster"
    faye = browse()
    faye.open(link_in(demo.wait_for_mail(address, "invitation")))
    faye.press("Continue")
    assert faye.heading == "Bakery page"
    faye.sees("You are asked to connect it")
    faye.press("Connect")
    faye.consent(login.label)
    faye.sees("Connected. Thank you.", "in 60 days")


def test_a_known_person_is_asked_to_connect_something(demo: Demo, acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, f"{PLACE}/{acme.ana.id}")
    chloe.page.get_by_label("Provider", exact=True).select_option("Demo Video")
    chloe.fill("Nickname", "Recipes")
    chloe.press("Send request")
    chloe.sees("Asked. The e-mail is on its way.")
    assert "Recipes" in demo.wait_for_mail(acme.ana.email, "invitation").as_string()


def test_a_wrong_invitation_is_said_at_its_field(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, f"{PLACE}/invite")
    chloe.fill("Work email", acme.ana.email)
    chloe.press("Send invitation")
    chloe.sees("There is a problem")
    assert chloe.page.get_by_label("Work email").get_attribute("aria-invalid") == "true"


def test_people_are_listed_by_name_and_searched(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, PLACE)
    assert names(chloe) == ["Ana Alvarez", "Ben Brandt", "Chloe Chen"]
    chloe.fill("Search", "brandt")
    chloe.press("Search")
    assert names(chloe) == ["Ben Brandt"]
    chloe.fill("Search", "nobody")
    chloe.press("Search")
    chloe.sees("Nobody found")


def test_a_new_role_counts_at_once(acme: Acme, sign_in: SignIn) -> None:
    ana = sign_in(acme.ana, "/connections")
    chloe = sign_in(acme.chloe, f"{PLACE}/{acme.ana.id}")
    chloe.page.get_by_label("Role", exact=True).select_option("Org admin")
    chloe.press("Save")
    chloe.sees("Saved.")
    ana.open(PLACE)
    assert ana.heading == "Members"


def test_the_last_admin_stays_one(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, f"{PLACE}/{acme.chloe.id}")
    chloe.page.get_by_label("Role", exact=True).select_option("Member")
    chloe.press("Save")
    chloe.sees("There is a problem")


def test_somebody_deactivated_is_signed_out_at_once(acme: Acme, sign_in: SignIn) -> None:
    ana = sign_in(acme.ana, "/connections")
    chloe = sign_in(acme.chloe, f"{PLACE}/{acme.ana.id}")
    chloe.follow("Deactivate")
    assert chloe.heading == "Ana Alvarez will be signed out and cannot sign in again"
    chloe.press("Deactivate")
    ana.open("/connections")
    assert ana.heading == "Sign in"
    chloe.press("Reactivate")
    chloe.sees("Reactivated.")


def test_a_file_is_checked_first_and_then_imported(acme: Acme, sign_in: SignIn, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"email,name,role,team\n{acme.address('gus')},Gus Green,member,Press\n", encoding="utf-8")
    chloe = sign_in(acme.chloe, f"{PLACE}/import")
    chloe.page.get_by_label("CSV file").set_input_files(file)
    chloe.press("Check the file")
    chloe.sees("Nothing has been changed yet.")
    chloe.press("Import")
    assert "Gus Green" in names(chloe)


def test_a_bad_file_is_told_where_and_changes_nothing(acme: Acme, sign_in: SignIn, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        f"email,name,role,team\n{acme.address('gus')},Gus,member,\nno address,Hal,king,\n", encoding="utf-8"
    )
    chloe = sign_in(acme.chloe, f"{PLACE}/import")
    chloe.page.get_by_label("CSV file").set_input_files(file)
    chloe.press("Check the file")
    assert chloe.heading.startswith("Nothing was imported")
    assert "3" in chloe.page.locator("tbody th").all_inner_texts()
    chloe.open(PLACE)
    assert "Gus" not in names(chloe)
