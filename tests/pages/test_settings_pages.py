"""The settings: the policy as it is typed, API keys from their making to their end, and what an operator got wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from flask import Flask

from portal import clock
from portal.services import api_keys, policy
from tests.factories import World, make_world
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


def test_a_key_without_a_name_is_not_made(chloe: Page) -> None:
    chloe.submit("Create API key", status=422, name=" ")
    assert "Enter a name." in chloe.text
    assert "No API keys yet" in chloe.get("/admin/settings").text


def test_another_organizations_key_is_not_there(page: Page, app: Flask, world: World) -> None:
    with app.app_context():
        key, _ = api_keys.create(world.chloe.asker, "Archive", now=clock.now())
    page.sign_in(world.eve).get(f"/admin/settings/api-keys/{key.id}/revoke", status=404)


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
