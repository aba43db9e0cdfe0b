"""The provider's pages without a browser: who is offered, what is remembered, what a person can untick."""

import re

import html5lib
import pytest
import requests

from tests.demo_person import SCOPE, Form, Person
from tests.demo_provider import Callback, Client, DemoProvider, callback_of


def title_of(page: requests.Response) -> str:
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    assert found
    return found[1]


def test_a_first_visit_asks_for_the_login_and_then_for_consent(person: Person) -> None:
    page = person.ask()
    assert title_of(page) == "Choose a login"
    assert len(Form(page.text).values("login")) >= 5
    page = person.sign_in(page, "social-business")
    assert title_of(page) == "Allow Reconsent?"
    assert "Signed in as Business" in page.text
    tokens = person.client.exchange(person.decide(page, "allow").parameters["code"]).json()
    assert tokens["scope"] == SCOPE


def test_a_careless_second_visit_is_the_same_login(person: Person) -> None:
    person.sign_in(person.ask(), "social-business")
    page = person.ask()
    assert title_of(page) == "Allow Reconsent?"
    assert "Signed in as Business" in page.text
    assert "Use another login" in page.text


@pytest.mark.parametrize("prompt", ["select_account", "login", "select_account consent"])
def test_a_prompt_for_the_login_lets_the_person_choose_again(person: Person, prompt: str) -> None:
    person.sign_in(person.ask(), "social-business")
    page = person.ask(prompt=prompt)
    assert title_of(page) == "Choose a login"
    assert Form(page.text).checked("login") == []


def test_a_prompt_for_consent_alone_keeps_the_login(person: Person) -> None:
    person.sign_in(person.ask(), "social-business")
    assert title_of(person.ask(prompt="consent")) == "Allow Reconsent?"


@pytest.mark.parametrize("hint", ["social-agency", "TEAM@brightside.example"])
def test_a_hint_preselects_its_login(person: Person, hint: str) -> None:
    page = person.ask(login_hint=hint, prompt="select_account")
    assert Form(page.text).checked("login") == ["social-agency"]


def test_a_hint_at_another_login_than_the_remembered_asks(person: Person) -> None:
    person.sign_in(person.ask(), "social-business")
    assert title_of(person.ask(login_hint="social-business")) == "Allow Reconsent?"
    assert title_of(person.ask(login_hint="social-agency")) == "Choose a login"


def test_an_unknown_hint_is_ignored(person: Person) -> None:
    assert Form(person.ask(login_hint="nobody@example.com").text).checked("login") == []


def test_an_unlisted_login_shows_only_when_hinted_at(person: Person, provider: DemoProvider) -> None:
    provider.control("social/logins", sub="hidden", name="Hidden", listed=False)
    assert "hidden" not in Form(person.ask().text).values("login")
    assert Form(person.ask(login_hint="hidden").text).checked("login") == ["hidden"]


def test_a_silent_request_works_only_for_a_known_consent(person: Person) -> None:
    assert silent(person).parameters["error"] == "login_required"
    page = person.sign_in(person.ask(), "social-empty")
    assert silent(person).parameters["error"] == "consent_required"
    person.client.exchange(person.decide(page, "allow").parameters["code"])
    assert "code" in silent(person).parameters


def silent(person: Person) -> Callback:
    return callback_of(person.ask(prompt="none"))


def test_unticked_scopes_and_accounts_are_not_granted(person: Person) -> None:
    page = person.sign_in(person.ask(), "social-business")
    callback = person.decide(page, "allow", without=("pages.publish", "page-northwind-jobs"))
    tokens = person.client.exchange(callback.parameters["code"]).json()
    assert tokens["scope"] == "openid profile email pages.read"
    shared = person.client.get("accounts", tokens["access_token"]).json()["accounts"]
    assert [account["id"] for account in shared] == ["page-northwind", "page-northwind-events"]


def test_required_scopes_cannot_be_unticked(person: Person) -> None:
    page = person.sign_in(person.ask(), "social-business")
    assert Form(page.text).values("granted") == ["email", "pages.read", "pages.publish"]


def test_denying_shares_nothing(person: Person, provider: DemoProvider) -> None:
    callback = person.decide(person.sign_in(person.ask(), "social-business"), "deny")
    assert callback.parameters["error"] == "access_denied"
    assert provider.counts(event="authorize")["authorize:denied"] == 1


def test_continuing_without_a_choice_is_explained(person: Person) -> None:
    page = person.submit(person.ask())
    assert page.status_code == 422
    assert "Choose one of the logins first." in page.text


def test_consent_goes_to_the_login_the_page_showed(person: Person) -> None:
    """Another tab changes who is signed in; the page that says Business still means Business."""
    page = person.sign_in(person.ask(), "social-business")
    person.sign_in(person.ask(prompt="select_account"), "social-agency")
    tokens = person.client.exchange(person.decide(page, "allow").parameters["code"]).json()
    assert person.client.get("userinfo", tokens["access_token"]).json()["sub"] == "social-business"


def test_the_two_providers_remember_their_own_logins(person: Person, video: Client) -> None:
    person.sign_in(person.ask(), "social-business")
    assert title_of(Person(video).ask(scope="openid")) == "Choose a login"


@pytest.mark.parametrize("csrf", ["", "made-up"])
def test_a_form_from_elsewhere_is_refused(person: Person, csrf: str) -> None:
    page = person.sign_in(person.ask(), "social-business")
    fields = {"csrf": csrf, "login": "social-business", "decision": "allow"}
    assert person.http.post(page.url, fields, allow_redirects=False, timeout=20).status_code == 400


def test_every_page_is_valid_html_with_a_strict_policy(person: Person, provider: DemoProvider) -> None:
    login = person.ask()
    consent = person.sign_in(login, "social-business")
    refused = person.ask(client_id="nobody")
    control = person.http.get(f"{provider.url}/control", timeout=20)
    missing = person.http.get(f"{provider.url}/nowhere", timeout=20)
    for page in (login, consent, refused, control, missing):
        html5lib.HTMLParser(strict=True).parse(page.text)
        assert page.text.count("<h1>") == 1
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", page.text)
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "This is the demo’s stand-in for a real provider" in page.text
        ids = re.findall(r'\sid="([^"]+)"', page.text)
        assert len(ids) == len(set(ids))


def test_names_from_testers_are_escaped(person: Person, provider: DemoProvider) -> None:
    provider.control("social/logins", sub="odd", name="<script>alert(1)</script>")
    assert "<script" not in person.ask().text
