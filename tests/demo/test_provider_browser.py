"""The provider's pages in a real Chromium: without JavaScript, narrow and wide, light and dark."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from tests.demo_person import SCOPE
from tests.demo_provider import Client, DemoProvider

pytestmark = pytest.mark.browser

Browse = Callable[[Callable[[Browser], Any]], Any]


@pytest.fixture(scope="module")
def browse() -> Iterator[Browse]:
    """Runs a function with a Chromium, in a thread of its own: Playwright allows one session a thread."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.fail("No Chromium. Type: sudo apt-get install -y chromium", pytrace=False)

    def in_chromium(act: Callable[[Browser], Any]) -> Any:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            return act(browser)

    with ThreadPoolExecutor(1) as own_thread:
        yield lambda act: own_thread.submit(in_chromium, act).result()


def choose_business(page: Page, client: Client) -> None:
    page.goto(client.authorize_url(scope=SCOPE))
    page.get_by_role("radio", name="Business", exact=True).check()
    page.get_by_role("button", name="Continue").click()


def faults_of(page: Page) -> list[str]:
    """What axe finds, and whether anything sticks out to the side."""
    found = [f"{page.url}: {violation['id']}" for violation in Axe().run(page).response["violations"]]
    too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return found + ([f"{page.url}: scrolls sideways"] if too_wide else [])


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browse: Browse, social: Client, provider: DemoProvider, scheme: Any, width: int) -> None:
    social.connect("social-personal")  # so that the ledger's table has lines

    def look(browser: Browser) -> list[str]:
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
        page.goto(social.authorize_url())
        faults = faults_of(page)
        choose_business(page, social)
        faults += faults_of(page)
        for address in (social.authorize_url(client_id="nobody"), f"{provider.url}/control"):
            page.goto(address)
            faults += faults_of(page)
        return faults

    assert browse(look) == []


def test_consent_works_without_javascript(browse: Browse, social: Client) -> None:
    def allow(browser: Browser) -> str:
        page = browser.new_page(java_script_enabled=False)
        page.route("http://portal.example:8000/**", lambda route: route.fulfill(body="back at the portal"))
        choose_business(page, social)
        page.get_by_role("checkbox", name="Publish posts on your pages").uncheck()
        page.get_by_role("checkbox", name="Northwind Jobs").uncheck()
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url("http://portal.example:8000/**")
        return page.url

    code = dict(part.split("=", 1) for part in browse(allow).split("?", 1)[1].split("&"))["code"]
    tokens = social.exchange(code).json()
    assert tokens["scope"] == "openid profile email pages.read"
    assert len(social.get("accounts", tokens["access_token"]).json()["accounts"]) == 2
