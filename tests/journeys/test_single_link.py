"""A provider where a new consent of a login ends the earlier one: nothing is promised, and Cancel looks first."""

from pathlib import Path

import pytest

from portal.providers.catalog import BUILT_IN
from tests.journeys.conftest import Traveller


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The demo's provider, whose file now says that it keeps one consent of a login only."""
    folder = tmp_path / "providers"
    folder.mkdir()
    text = (BUILT_IN / "demo-social.toml").read_text(encoding="utf-8")
    single = text.replace("[consent]\n", "[consent]\nsingle_link_per_login = true\n")
    assert single != text
    (folder / "demo-social.toml").write_text(single, encoding="utf-8")
    environ["PORTAL_PROVIDERS_DIR"] = str(folder)
    return environ


@pytest.fixture
def asked(traveller: Traveller) -> Traveller:
    """Ana with a connection, asked about a smaller consent of the same login."""
    traveller.connect("social-business", nickname="Bakery")
    return traveller


def test_nothing_is_promised_about_the_earlier_consent(asked: Traveller) -> None:
    page = asked.consent("Reconnect", "social-business", accounts=["page-northwind"])
    assert "works as before" not in page.text
    assert "Demo Social keeps only the latest consent of a login" in page.text


def test_cancel_says_that_the_earlier_consent_still_works_after_having_looked(asked: Traveller) -> None:
    page = asked.consent("Reconnect", "social-business", accounts=["page-northwind"])
    page.submit("Cancel")
    assert "We asked the provider: the connection still works as before." in page.text
    assert asked.provider.counts().get("refresh:ok") == 1
    assert "Active" in page.text


def test_cancel_says_that_the_earlier_consent_has_ended_and_asks_for_a_reconsent(asked: Traveller) -> None:
    asked.provider.control("social/knobs", new_consent_ends_old=True)
    page = asked.consent("Reconnect", "social-business", accounts=["page-northwind"])
    page.submit("Cancel")
    assert "the provider ended the earlier consent when you gave the new one" in page.text
    assert "Needs reconsent" in page.text
    page = asked.consent("Reconnect", "social-business")
    assert "Reconnected. Thank you." in page.text


def test_cancel_says_when_it_could_not_find_out(asked: Traveller) -> None:
    page = asked.consent("Reconnect", "social-business", accounts=["page-northwind"])
    asked.provider.control("social/fail", kind="unavailable", on="refresh")
    page.submit("Cancel")
    assert "whether the earlier consent still counts is not known" in page.text


def test_another_login_does_not_put_the_earlier_consent_in_doubt(asked: Traveller) -> None:
    asked.provider.control("social/knobs", new_consent_ends_old=True)
    page = asked.consent("Reconnect", "social-personal")
    assert "works as before" in page.text
    page.submit("Cancel")
    assert "the connection works as before" in page.text
    assert asked.living("social-business") == 1
