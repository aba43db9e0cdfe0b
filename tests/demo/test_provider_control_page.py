"""The control page's forms do what they say, and say what was wrong."""

from typing import Any

import pytest
import requests

from tests.demo_person import Form, Person
from tests.demo_provider import DemoProvider

CONTROL_FORMS: list[tuple[str, dict[str, str], str]] = [
    ("social/fail", {"kind": "hang", "on": "refresh", "times": "2"}, "refresh will fail (hang) 2 times."),
    ("social/heal", {}, "healed."),
    ("video/revoke", {"login": "video-personal"}, "grants of Personal revoked."),
    ("video/add-login", {"sub": "new-one", "name": "New One", "accounts": "A\nB"}, "login New One saved."),
    ("video/rotate-keys", {}, "ID tokens are signed with the new key"),
    ("social/fail", {"kind": "hang", "times": "often"}, "Nothing was changed. Times: type a whole number."),
    ("reset", {}, "Both providers are honest again"),
]


@pytest.mark.parametrize(("action", "fields", "words"), CONTROL_FORMS)
def test_the_control_page_does_what_its_forms_say(
    person: Person, action: str, fields: dict[str, str], words: str
) -> None:
    assert words in press(person, action, fields).text


def test_behaviour_is_saved_from_the_page(person: Person, provider: DemoProvider) -> None:
    fields: dict[str, Any] = {
        "access_lifetime_s": "30m", "consent_lifetime_s": "20d", "grace_s": "0s", "rotation": "static",
        "delay_ms": "5", "delay_on": "refresh", "id_token": "wrong_iss", "callback": "wrong_state",
        "old_access_ends": "on",
    }  # fmt: skip
    assert "behaviour saved" in press(person, "social/behaviour", fields).text
    assert provider.http.get(f"{provider.url}/control/api/social/knobs", timeout=20).json() == {
        "access_lifetime_s": 1800, "consent_lifetime_s": 20 * 86_400, "grace_s": 0, "rotation": "static",
        "delay_ms": 5, "delay_on": "refresh", "id_token": "wrong_iss", "callback": "wrong_state",
        "old_access_ends": True, "new_consent_ends_old": False,
    }  # fmt: skip


def test_an_unreadable_length_changes_nothing(person: Person, provider: DemoProvider) -> None:
    before = provider.http.get(f"{provider.url}/control/api/social/knobs", timeout=20).json()
    page = press(person, "social/behaviour", {"access_lifetime_s": "soon"})
    assert "Nothing was changed. Access token: type a whole number" in page.text
    assert provider.http.get(f"{provider.url}/control/api/social/knobs", timeout=20).json() == before


def press(person: Person, action: str, fields: dict[str, Any]) -> requests.Response:
    """Send one of the control page's forms and look at the page after it."""
    root = person.client.provider.url
    csrf = dict(Form(person.http.get(f"{root}/control", timeout=20).text).sent())["csrf"]
    address = f"{root}/control/{action}"
    return person.follow(person.http.post(address, {"csrf": csrf, **fields}, allow_redirects=False, timeout=20))
