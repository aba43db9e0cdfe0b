"""The demo's own tour, as its start page tells it."""

from datetime import timedelta
from uuid import UUID

import pytest
import requests

from portal.rules.digests import week_of
from tests.browser.acme import Acme
from tests.browser.demo import Demo
from tests.fixtures.browser import Browse
from tests.patience import eventually

pytestmark = pytest.mark.browser

JOURNEY_WITHIN_S = 240.0
IS_WHOLE = "frame => frame.contentDocument.documentElement.scrollHeight <= frame.clientHeight"


def test_the_tour_works_as_the_start_page_tells_it(demo: Demo, browse: Browse) -> None:
    ana = browse()
    ana.open("/demo")
    ana.press("Sign in as Ana")
    ana.press("Reconnect", within=ana.row("Bakery page"))
    ana.consent("Business")
    ana.sees("Reconnected. Thank you.")
    ana.press("Reconnect")
    ana.consent("Personal")
    assert ana.heading == "You signed in to a different account"
    ana.press("Cancel")


def test_a_mail_is_shown_as_its_recipient_sees_it_and_its_link_works(acme: Acme, browse: Browse) -> None:
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    acme.remind(connection_id, acme.ana)
    visitor = browse()
    visitor.open(f"/demo/mailbox?to={acme.ana.email}")
    visitor.page.get_by_role("row").nth(1).get_by_role("link").click()
    mail = visitor.page.frame_locator("iframe")
    link, frame = mail.locator("a[href*='/login/']").first, visitor.page.locator("iframe")
    link.wait_for()
    assert eventually(lambda: frame.evaluate(IS_WHOLE)), "the mail is cut off in its frame"
    visitor.look()
    visitor.page.set_viewport_size({"width": 360, "height": 740})
    assert eventually(lambda: frame.evaluate(IS_WHOLE)), "the mail is cut off on a phone"
    with visitor.page.expect_navigation():
        link.click()
    visitor.press("Continue")
    assert visitor.place == f"/connections/{connection_id}"


def test_a_mail_runs_no_scripts_in_the_mailbox(acme: Acme, browse: Browse) -> None:
    acme.remind(acme.connect(acme.ana, acme.login("Business"), "Bakery page"), acme.ana)
    visitor = browse()
    visitor.open(f"/demo/mailbox?to={acme.ana.email}")
    visitor.page.get_by_role("row").nth(1).get_by_role("link").click()
    frame = visitor.page.locator("iframe")
    answer = requests.get(frame.evaluate("frame => frame.src"), timeout=20)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert not [rule for rule in ("script-src", "allow-scripts") if rule in policy]
    assert "allow-scripts" not in str(frame.get_attribute("sandbox"))


@pytest.mark.timeout(300)
def test_a_whole_campaign_of_eight_mails_arrives_while_the_clock_is_moved(
    demo: Demo, acme: Acme, browse: Browse
) -> None:
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page", days_left=14.2)
    visitor, began = browse(), demo.now()
    visitor.open("/demo/clock")
    visitor.press("Sixteen days: a whole campaign")
    visitor.sees("On the way, 16 days forward.")
    assert eventually(lambda: not is_travelling(demo), within_s=JOURNEY_WITHIN_S)
    assert steps(demo, acme, connection_id) == [14, 12, 10, 8, 6, 4, 2, 0]
    weeks = (week_of(demo.now(), "UTC") - week_of(began, "UTC")) // timedelta(weeks=1)
    assert len(demo.mails(acme.chloe.email, "admin_digest")) == weeks


def is_travelling(demo: Demo) -> bool:
    return "On the way" in requests.get(f"{demo.url}/demo/clock", timeout=20).text


def steps(demo: Demo, acme: Acme, connection_id: UUID) -> list[int]:
    """How many days were left of the connection in each mail about it."""
    mails = [mail for kind in ("reminder", "final_notice") for mail in demo.mails(acme.ana.email, kind)]
    told = [str(mail["X-Reconsent-Steps"]).removeprefix(f"{connection_id}=") for mail in mails]
    return [int(days) for days in told]
