"""E-mails as a phone shows them."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.visitor import IS_TOO_WIDE, NARROW
from tests.email_samples import KINDS, Line, render

pytestmark = pytest.mark.browser

LARGE = 234_567
LONG = "accounts-receivable.and.more@a-company-with-a-rather-long-name.example"


@pytest.mark.parametrize("kind", KINDS)
def test_no_mail_scrolls_sideways_on_a_phone(chromium: Browser, kind: str) -> None:
    page = chromium.new_page(viewport=NARROW)
    page.set_content(render(kind, "body.html", **_with_long_words(KINDS[kind])))
    assert not page.evaluate(IS_TOO_WIDE)
    page.close()


def test_no_number_is_cut_in_two_on_a_phone(chromium: Browser) -> None:
    page = chromium.new_page(viewport=NARROW)
    page.set_content(render("admin_digest", "body.html", ending=10 * LARGE, ended=98, needs_reconsent=7))
    lines = page.locator(".number").evaluate_all("numbers => numbers.map(number => number.getClientRects().length)")
    assert lines == [1, 1, 1]
    page.close()


def _with_long_words(facts: dict[str, Any]) -> dict[str, Any]:
    words = {name: LONG if isinstance(value, str) else LARGE for name, value in facts.items() if name != "lines"}
    lines = {"lines": (Line(LONG, LONG, LONG), Line(login_label=LONG, ended=True))} if "lines" in facts else {}
    return facts | words | lines | {"organization_name": LONG, "member_name": LONG, "public_url": f"https://{LONG}"}
