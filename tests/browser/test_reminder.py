"""The main job: a reminder's link signs the right person in, and two clicks later the connection is renewed."""

from typing import Any
from uuid import UUID

import pytest

from tests.browser.acme import Acme, Login
from tests.browser.demo import Demo, link_in
from tests.browser.visitor import NARROW, Visitor
from tests.fixtures.browser import Browse, SignIn

pytestmark = pytest.mark.browser


def reconnect(visitor: Visitor, login: Login) -> None:
    visitor.press("Reconnect")
    visitor.consent(login.label)


def assert_renewed(visitor: Visitor, connection_id: UUID) -> None:
    assert visitor.place == f"/connections/{connection_id}"
    visitor.sees("Reconnected. Thank you.", "in 60 days", "Add to calendar")


def test_a_reminder_arrives_by_itself_and_leads_to_a_renewed_connection(demo: Demo, acme: Acme, browse: Browse) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page", days_left=9.4)
    mail = demo.wait_for_mail(acme.ana.email, "reminder")
    visitor = browse()
    visitor.open(link_in(mail))
    visitor.press("Continue")
    visitor.sees("It ends soon", login.name)
    reconnect(visitor, login)
    assert_renewed(visitor, connection_id)
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("link", name="Add to calendar").click()
    assert download.value.suggested_filename == "reconnect.ics"
    assert "BEGIN:VEVENT" in download.value.path().read_text()
    assert acme.ask_token(connection_id).status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"java_script_enabled": False}, id="without-javascript"),
        pytest.param({"viewport": NARROW, "is_mobile": True, "has_touch": True}, id="on-a-phone"),
        pytest.param({"color_scheme": "dark"}, id="in-the-dark"),
    ],
)
def test_the_main_journey_works(acme: Acme, browse: Browse, options: dict[str, Any]) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page")
    visitor = browse(**options)
    visitor.open(acme.remind(connection_id, acme.ana))
    visitor.press("Continue")
    reconnect(visitor, login)
    assert_renewed(visitor, connection_id)


def test_the_main_journey_works_by_keyboard_alone(acme: Acme, browse: Browse) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page")
    visitor = browse()
    visitor.open(acme.remind(connection_id, acme.ana))
    visitor.strike("Enter", visitor.button("Continue"))
    visitor.strike("Space", visitor.button("Reconnect"))
    visitor.tab_to(visitor.page.get_by_role("radio", name=login.label))  # chosen already: it was hinted at
    visitor.strike("Enter", visitor.button("Continue"))
    visitor.strike("Space", visitor.button("Allow"))
    assert_renewed(visitor, connection_id)
    visitor.tab_to(visitor.page.get_by_role("link", name="Add to calendar"))


def test_the_first_tab_offers_to_skip_to_the_content(acme: Acme, sign_in: SignIn) -> None:
    visitor = sign_in(acme.ana, "/connections")
    visitor.tab_to(visitor.page.get_by_role("link", name="Skip to the content"))
    visitor.page.keyboard.press("Enter")
    visitor.tab_to(visitor.page.get_by_role("main").get_by_role("link").first)
