"""The demo's own tour, as its start page tells it."""

import pytest

from tests.browser.demo import Demo
from tests.fixtures.browser import Browse
from tests.patience import eventually

pytestmark = pytest.mark.browser

ANA = "ana.silva@northwind-bakery.example"


def test_the_tour_works_as_the_start_page_tells_it(demo: Demo, browse: Browse) -> None:
    ana = browse()
    ana.open("/demo")
    ana.press("Sign in as Ana")
    ana.follow("Demo Social Bakery page")
    ana.press("Reconnect")
    ana.consent("Business")
    ana.sees("Reconnected. Thank you.")
    ana.press("Reconnect")
    ana.consent("Personal")
    assert ana.heading == "You signed in to a different account"
    ana.press("Cancel")


def test_a_mail_is_shown_as_its_recipient_sees_it_and_its_link_works(demo: Demo, browse: Browse) -> None:
    demo.wait_for_mail(ANA, "reminder")
    visitor = browse()
    visitor.open("/demo/mailbox?to=ana.silva")
    visitor.page.get_by_role("row").nth(1).get_by_role("link").click()
    visitor.look()
    frame = visitor.page.frame_locator("iframe")
    with visitor.page.expect_navigation():
        frame.get_by_role("link").filter(has_text="Reconnect").first.click()
    visitor.press("Continue")
    visitor.look()


def test_moving_the_clock_by_a_day_brings_what_is_due(demo: Demo, browse: Browse) -> None:
    before = demo.now()
    visitor = browse()
    visitor.open("/demo/clock")
    visitor.press("One day")
    visitor.sees("On the way, 1 days forward.")
    assert eventually(lambda: (demo.now() - before).days >= 1)
