"""The visitors themselves: what is wrong with a page does not escape them."""

import pytest
from playwright.sync_api import Route

from tests.fixtures.browser import Browse

pytestmark = pytest.mark.browser

STRICT = {"content-type": "text/html", "content-security-policy": "default-src 'self'"}
PAGE = '<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1>{}</main></html>'


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('<p style="color: red">Styled here</p>', "Content Security Policy"),
        ("<script>alert(1)</script>", "Content Security Policy"),
        ('<img src="/static/none.png" alt="None">', "404 for "),
        ("<input>", "label: <input>"),
        (f"<pre>{'wide' * 40}</pre>", "scrolls sideways at 360 px"),
    ],
)
def test_a_fault_is_noticed(browse: Browse, content: str, fault: str) -> None:
    visitor = browse()
    visitor.page.route("**/broken", lambda route: _answer(route, content))
    visitor.page.goto("/broken")
    assert any(fault in found for found in visitor.faults()), visitor.faults()


def test_a_page_without_faults_passes(browse: Browse) -> None:
    visitor = browse()
    visitor.page.route("**/sound", lambda route: _answer(route, "<p>All is well</p>"))
    visitor.open("/sound")


def _answer(route: Route, content: str) -> None:
    route.fulfill(headers=STRICT, body=PAGE.format(content))
