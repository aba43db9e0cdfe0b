"""Webhook endpoints: from the first to its end, wide and on a phone, with the worker of a running demo behind them."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.acme import Acme
from tests.browser.visitor import NARROW, Visitor
from tests.fixtures.browser import WIDE, SignIn

pytestmark = pytest.mark.browser

PLACE = "/admin/settings/webhooks"
LOOKS = [
    pytest.param({"viewport": WIDE, "color_scheme": "light"}, id="wide-light"),
    pytest.param({"viewport": NARROW, "color_scheme": "dark"}, id="narrow-dark"),
]
ADDRESS = "https://backend.invalid/hook"  # a name that nobody will ever have
MOST_LOOKS = 30


def add_endpoint(chloe: Visitor, name: str) -> None:
    chloe.open(f"{PLACE}/new")
    chloe.fill("Address", ADDRESS)
    chloe.fill("What it is for", name)
    chloe.press("Add endpoint")
    assert chloe.heading == "The signing secret"


def reload_until(chloe: Visitor, words: str) -> None:
    """Pages do not change by themselves."""
    for _ in range(MOST_LOOKS):
        if chloe.page.get_by_role("main").get_by_text(words).first.is_visible():
            return
        chloe.page.wait_for_timeout(500)
        chloe.page.reload()
    expect(chloe.page.get_by_role("main")).to_contain_text(words)


@pytest.mark.parametrize("look", LOOKS)
def test_an_endpoint_from_its_first_day_to_its_last(acme: Acme, sign_in: SignIn, look: dict[str, Any]) -> None:
    chloe = sign_in(acme.chloe, PLACE, **look)
    chloe.sees("No endpoints yet")
    chloe.follow("Add an endpoint")
    chloe.press("Add endpoint")
    chloe.sees("There is a problem", "Enter an address")
    add_endpoint(chloe, "Archive")
    chloe.follow("Done")
    chloe.press("Send a test event")
    reload_until(chloe, "Given up")
    chloe.sees("no answer")
    chloe.look()
    chloe.follow("Change")
    chloe.follow("Back")
    chloe.follow("New secret")
    chloe.press("Make a new secret")
    chloe.sees("The secret before it")
    chloe.open(PLACE)
    chloe.follow("Archive backend.invalid")
    chloe.press("Pause")
    chloe.follow("Delete")
    chloe.press("Delete the endpoint")
    chloe.sees("No endpoints yet")
