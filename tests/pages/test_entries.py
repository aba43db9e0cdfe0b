"""What a provider's file asks of each connection stands on a page before the provider's own."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask

from portal import clock
from portal.services import invitations
from tests.factories import World
from tests.page import Page
from tests.services.test_entries import BANKS


@pytest.fixture
def banks(environ: dict[str, str], tmp_path: Path) -> None:
    """The provider of many banks, configured; nobody ever calls it."""
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "banks.toml").write_text(BANKS.format(url="https://banks.example"), "utf-8")
    environ |= {
        "PORTAL_PROVIDERS_DIR": str(folder),
        "PORTAL_PROVIDER_BANKS_CLIENT_ID": "portal",
        "PORTAL_PROVIDER_BANKS_CLIENT_SECRET": "s3cret",
    }


@pytest.fixture
def visitor(banks: None, page: Page, world: World) -> Page:
    return page.sign_in(world.ana)


def test_the_choice_comes_before_the_provider(visitor: Page):
    visitor.get("/connections/new").submit("Connect", provider="banks", nickname="House bank")
    assert visitor.heading == "Connect Banks"
    visitor.submit("Connect", status=422, entry_connector="mikomo", entry_region="moon")
    assert "Region: This is not as Banks needs it." in visitor.text
    assert "House bank" in visitor.response.text
    visitor.submit("Connect", status=303, follow=False, entry_connector="ruritania", entry_region="us")
    there = urlsplit(visitor.location)
    assert (there.netloc, there.path) == ("banks.example", "/us/authorize")
    assert parse_qs(there.query)["connector"] == ["ruritania"]


def test_an_invited_person_is_asked_when_they_connect(visitor: Page, app: Flask, world: World):
    with app.app_context():
        invited = invitations.invite_connection(
            world.chloe.asker, member_email="ana@acme.example", provider_id="banks", now=clock.now()
        )
    visitor.get(f"/connections/{invited}").submit("Connect")
    assert visitor.path == f"/connections/{invited}/entries"
    visitor.submit("Connect", status=303, follow=False, entry_connector="mikomo")
    assert urlsplit(visitor.location).path == "/eu/authorize"


def test_nothing_is_asked_where_nothing_is_to_be_known(visitor: Page):
    visitor.get("/connections/new/nowhere", status=404)
    visitor.get("/connections/new/keyed", status=404)
