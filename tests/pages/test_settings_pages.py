"""The settings: the policy as it is typed, API keys from their making to their end, and what an operator got wrong."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from flask import Flask

from portal import clock
from portal.extensions import parts
from portal.services import api_keys, key_uses, policy
from tests.factories import World, make_connection, make_world
from tests.page import Page

MakeApp = Callable[[Mapping[str, str]], Flask]
POLICY = {
    "lead_days": "14",
    "rhythm_days": "2",
    "window_opens": "08:00",
    "window_closes": "18:00",
    "time_zone": "Europe/Berlin",
    "policy_period_days": "",
}


@pytest.fixture
def chloe(page: Page, world: World) -> Page:
    return page.sign_in(world.chloe).get("/admin/settings")


def test_a_saved_policy_is_shown_and_kept(chloe: Page, app: Flask, world: World) -> None:
    chloe.submit("Save policy", **(POLICY | {"lead_days": "21", "time_zone": "America/New_York"}))
    assert "Policy saved" in chloe.text
    with app.app_context():
        kept = policy.of_asker(world.chloe.asker)
    assert (kept.policy.lead_days, kept.policy.time_zone) == (21, "America/New_York")


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("lead_days", "0"),
        ("lead_days", "91"),
        ("lead_days", "soon"),
        ("rhythm_days", "15"),
        ("window_closes", "07:00"),
        ("window_opens", "25:00"),
        ("policy_period_days", "-1"),
    ],
)
def test_a_wrong_policy_is_named_keeps_what_was_typed_and_changes_nothing(
    chloe: Page, app: Flask, world: World, name: str, typed: str
) -> None:
    with app.app_context():
        before = policy.of_asker(world.chloe.asker)
    chloe.submit("Save policy", status=422, **(POLICY | {name: typed}))
    assert "There is a problem" in chloe.text
    assert "Not a valid" not in chloe.text
    assert [field.get("value") for field in chloe.all("input") if field.get("name") == name] == [typed]
    with app.app_context():
        assert policy.of_asker(world.chloe.asker) == before


def test_a_key_is_shown_once_works_and_stops_when_revoked(chloe: Page, app: Flask) -> None:
    chloe.submit("Create API key", name="Archive")
    (key,) = [word for word in chloe.text.split() if word.startswith("rck_")]
    assert app.test_client().get("/api/v1/connections", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    chloe.press_link("Done")
    assert key not in chloe.text
    chloe.press_link("Revoke").submit("Revoke the key")
    assert "No process accepts it any more" in chloe.text
    assert app.test_client().get("/api/v1/connections", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_loading_the_new_keys_page_again_shows_nothing_and_makes_nothing(chloe: Page, app: Flask) -> None:
    chloe.submit("Create API key", name="Archive")
    place = chloe.path
    assert chloe.heading == "API key created"
    assert "rck_" not in chloe.get(place).text
    assert chloe.heading == "This key was shown already"
    assert [row for row in chloe.press_link("Done").text.split() if row.startswith("rck_")] != []
    assert chloe.text.count("Archive") == 1


def test_a_scanners_look_does_not_use_up_the_only_view(chloe: Page) -> None:
    chloe.submit("Create API key", follow=False, status=303, name="Archive")
    place = chloe.location
    assert chloe.client.head(place).status_code == 200
    assert "rck_" in chloe.get(place).text


def test_another_admins_session_is_not_shown_the_key(chloe: Page, app: Flask, world: World) -> None:
    chloe.submit("Create API key", follow=False, status=303, name="Archive")
    elsewhere = Page(app).sign_in(world.chloe).get(chloe.location)
    assert elsewhere.heading == "This key was shown already"


@pytest.mark.usefixtures("still_clock")
def test_a_key_is_limited_to_the_chosen_providers_and_ends_as_chosen(chloe: Page) -> None:
    chloe.submit("Create API key", name="Archive", providers=["demo-video"], ends="30")
    text = chloe.press_link("Done").text
    assert "Only Demo Video" in text
    assert "ends in 30 days" in text


@pytest.mark.parametrize(
    ("ends_on", "words"),
    [("", "Enter a day"), ("soon", "Enter a day"), ("2001-01-01", "Choose today or a later day")],
)
def test_an_end_that_cannot_be_is_named_and_no_key_is_made(chloe: Page, ends_on: str, words: str) -> None:
    chloe.submit("Create API key", status=422, name="Archive", ends="day", ends_on=ends_on)
    assert words in chloe.text
    assert "No API keys yet" in chloe.get("/admin/settings").text


@pytest.mark.usefixtures("still_clock")
def test_a_key_that_ends_soon_stands_out(chloe: Page, app: Flask, world: World) -> None:
    with app.app_context():
        now = clock.now()
        for name, days in (("Near", 12), ("Far", 40)):
            api_keys.create(world.chloe.asker, name, expires_at=now + timedelta(days=days), now=now)
    rows = {cells[0]: cells for row in chloe.get("/admin/settings").all("tr") if (cells := words_of(row))}
    assert "Ends soon" in rows["Near All providers"][4]
    assert "in 12 days" in rows["Near All providers"][4]
    assert rows["Far All providers"][4].startswith("Works")


def words_of(row: Element) -> list[str]:
    return [" ".join("".join(cell.itertext()).split()) for cell in row]


@pytest.mark.usefixtures("still_clock")
def test_a_key_is_replaced_by_a_second_one_while_it_goes_on(chloe: Page, app: Flask) -> None:
    first = text_of_new_key(chloe.submit("Create API key", name="Archive", ends="90"))
    chloe.press_link("Done").press_link("Replace")
    assert chloe.heading == "Replace “Archive”"
    chloe.submit("Replace the key", overlap="7")
    second = text_of_new_key(chloe)
    assert first != second
    assert [is_accepted(app, key) for key in (first, second)] == [True, True]
    text = chloe.press_link("Done").text
    assert "Replaced ends in 7 days" in text
    assert text.count("ends in 90 days") == 1


def test_a_key_replaced_at_once_is_refused_at_once(chloe: Page, app: Flask) -> None:
    first = text_of_new_key(chloe.submit("Create API key", name="Archive"))
    place = chloe.press_link("Done").press_link("Replace").path
    second = text_of_new_key(chloe.submit("Replace the key", overlap="0"))
    assert [is_accepted(app, key) for key in (first, second)] == [False, True]
    assert "It has been replaced already" in chloe.get(place).text


def test_the_settings_say_when_a_key_was_last_used_and_for_how_much(chloe: Page, app: Flask, world: World) -> None:
    assert "Never" in chloe.submit("Create API key", name="Archive").press_link("Done").text
    with app.app_context():
        (key,) = api_keys.all_of(world.chloe.asker)
        connection_id = make_connection(world.ana)
        key_uses.note(key.id, connection_id, world.acme, clock.now())
        assert parts().use_counts.write_now()
    assert "1 connection" in chloe.get("/admin/settings").text


def text_of_new_key(page: Page) -> str:
    (key,) = [word for word in page.text.split() if word.startswith("rck_") and not word.endswith("…")]
    return key


def is_accepted(app: Flask, key: str) -> bool:
    answer = app.test_client().get("/api/v1/connections", headers={"Authorization": f"Bearer {key}"})
    return answer.status_code == 200


def test_a_key_without_a_name_is_not_made(chloe: Page) -> None:
    chloe.submit("Create API key", status=422, name=" ")
    assert "Enter a name." in chloe.text
    assert "No API keys yet" in chloe.get("/admin/settings").text


def test_another_organizations_key_is_not_there(page: Page, app: Flask, world: World) -> None:
    with app.app_context():
        key, _ = api_keys.create(world.chloe.asker, "Archive", now=clock.now())
    page.sign_in(world.eve)
    for place in ("revoke", "replace", "created"):
        page.get(f"/admin/settings/api-keys/{key.id}/{place}", status=404)


def test_a_broken_provider_file_is_named_to_the_admin(
    environ: dict[str, str], make_app: MakeApp, tmp_path: Path
) -> None:
    folder = tmp_path / "own-providers"
    folder.mkdir()
    (folder / "acme.toml").write_text('schema = 2\nid = "acme"\nname = "Acme"\n')
    app = make_app(environ | {"PORTAL_PROVIDERS_DIR": str(folder)})
    with app.app_context():
        world = make_world()
    text = Page(app).sign_in(world.chloe).get("/admin/settings").text
    assert "acme.toml: schema must be 1" in text
    assert str(folder) not in text
