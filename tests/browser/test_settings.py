"""Settings and the audit log: what an admin decides takes effect, and is written down."""

import json
from pathlib import Path

import pytest

from tests.browser.acme import Acme, ask_token
from tests.browser.demo import Demo
from tests.browser.visitor import Visitor
from tests.fixtures.browser import SignIn

pytestmark = pytest.mark.browser

PLACE = "/admin/settings"
FIRST_REMINDER = "First reminder, days before the end"


def test_a_policy_is_checked_and_saved(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, PLACE)
    chloe.fill(FIRST_REMINDER, "0")
    chloe.press("Save policy")
    chloe.sees("There is a problem", "Choose between 1 and")
    chloe.fill(FIRST_REMINDER, "21")
    chloe.fill("Then every so many days", "7")
    chloe.page.get_by_label("Time zone", exact=True).select_option("Asia/Tokyo")
    chloe.press("Save policy")
    chloe.sees("Policy saved. Reminders are planned anew.")
    assert chloe.page.get_by_label(FIRST_REMINDER).input_value() == "21"
    chloe.open("/sessions")
    chloe.sees("(Asia/Tokyo)")


def make_key(chloe: Visitor, name: str) -> str:
    chloe.fill("Name of the backend", name)
    chloe.press("Create API key")
    assert chloe.heading == "API key created"
    return chloe.page.get_by_role("group", name="The API key").locator("code").inner_text()


def test_an_api_key_works_until_it_is_revoked(demo: Demo, acme: Acme, sign_in: SignIn) -> None:
    login = acme.login("Business")
    connection_id = acme.connect(acme.ana, login, "Bakery page")
    chloe = sign_in(acme.chloe, PLACE)
    key = make_key(chloe, "Warehouse")
    assert ask_token(demo, key, connection_id).json()["subject"] == login.sub
    chloe.follow("Done")
    assert key not in chloe.page.content()
    chloe.follow("Revoke", within=chloe.row("Warehouse"))
    assert chloe.heading == "Backends using “Warehouse” will stop getting tokens"
    chloe.press("Revoke the key")
    chloe.sees("The key is revoked.")
    assert ask_token(demo, key, connection_id).status_code == 401


def test_the_audit_log_says_who_did_what(acme: Acme, sign_in: SignIn) -> None:
    chloe = sign_in(acme.chloe, PLACE)
    make_key(chloe, "Warehouse")
    chloe.follow("Audit log")
    row = chloe.row("api_key:created")
    assert "Chloe Chen" in row.inner_text()
    chloe.page.get_by_label("Event", exact=True).select_option("api_key:created")
    chloe.press("Search")
    assert chloe.page.locator("tbody tr").count() == 1
    with chloe.page.expect_download() as download:
        chloe.page.get_by_role("link", name="Export as JSON lines").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert "api_key:created" in [json.loads(line)["event"] for line in lines]
