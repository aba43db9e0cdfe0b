"""What comes back from the provider is not believed blindly: every wrong answer is refused, and nothing changes."""

from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask

from portal.services import attempts
from tests.consents import event_kinds, refusals
from tests.factories import World
from tests.journeys.conftest import Traveller
from tests.page import Page

LIES = {
    "wrong_iss": "iss",
    "wrong_aud": "aud",
    "foreign_aud_own_azp": "aud",
    "foreign_azp": "azp",
    "wrong_nonce": "nonce",
    "without_nonce": "nonce",
    "expired": "exp",
    "without_exp": "exp",
    "issued_in_future": "iat",
    "without_iat": "iat",
    "empty_sub": "sub",
    "without_sub": "sub",
    "alg_none": "alg",
    "alg_hs256": "alg",
    "bad_signature": "signature",
    "unknown_kid": "kid",
    "wrong_at_hash": "at_hash",
    "not_a_jwt": "not a signed token",
    "missing": "no ID token",
}
LEGAL = ("aud_as_list", "with_azp", "without_at_hash", "without_kid")
CONNECTED = "Northwind Bakery (hello@northwind-bakery.example), connected since"


@pytest.fixture
def bakery(traveller: Traveller) -> Traveller:
    """Ana with a connection that works."""
    traveller.connect("social-business", nickname="Bakery")
    return traveller


@pytest.fixture
def reasons(app: Flask) -> Callable[[], list[str]]:
    """The plain reasons in the audit log."""

    def read() -> list[str]:
        with app.app_context():
            return refusals()

    return read


def assert_unchanged(traveller: Traveller) -> None:
    """Ana's connection is as it was, and the old grant lives."""
    page = traveller.page.get("/connections")
    assert "Bakery" in page.text
    assert "Active" in page.text
    assert CONNECTED in page.press_link("Bakery").text
    assert "Reconnected" not in page.text
    assert traveller.living("social-business") >= 1


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_lies_is_refused(bakery: Traveller, reasons: Callable[[], list[str]], lie: str) -> None:
    bakery.provider.control("social/knobs", id_token=lie)
    page = bakery.consent("Reconnect", "social-business", status=400)
    assert page.heading == "We could not make sure who signed in at the provider"
    assert LIES[lie] in reasons()[0]
    assert_unchanged(bakery)


@pytest.mark.parametrize("variant", LEGAL)
def test_the_legal_variants_are_accepted(bakery: Traveller, variant: str) -> None:
    bakery.provider.control("social/knobs", id_token=variant)
    assert "Reconnected. Thank you." in bakery.consent("Reconnect", "social-business").text


@pytest.mark.parametrize(
    ("callback", "reason"),
    [
        ("wrong_state", "unknown state"),
        ("without_state", "unknown state"),
        ("wrong_iss", "iss is another provider"),
        ("without_iss", "iss is missing"),
    ],
)
def test_a_wrong_callback_is_refused(
    bakery: Traveller, reasons: Callable[[], list[str]], callback: str, reason: str
) -> None:
    bakery.provider.control("social/knobs", callback=callback)
    bakery.consent("Reconnect", "social-business", status=400)
    assert reason in reasons()[0]
    assert bakery.provider.counts().get("issue:ok") == 1  # that of the first consent alone
    assert_unchanged(bakery)


def test_a_code_the_provider_does_not_know_is_refused(bakery: Traveller, reasons: Callable[[], list[str]]) -> None:
    bakery.provider.control("social/knobs", callback="wrong_code")
    bakery.consent("Reconnect", "social-business", status=502)
    assert reasons()
    assert_unchanged(bakery)


def test_saying_no_at_the_provider_changes_nothing(bakery: Traveller, app: Flask) -> None:
    page = bakery.consent("Reconnect", "social-business", status=403, deny=True)
    assert page.heading == "The provider tells us that you did not agree"
    with app.app_context():
        assert "consent:denied" in event_kinds()
    assert_unchanged(bakery)


def test_a_no_without_our_state_is_not_even_read_as_one(bakery: Traveller, app: Flask) -> None:
    bakery.page.get("/consent/callback/demo-social?error=access_denied&state=made-up", status=400)
    with app.app_context():
        assert "consent:denied" not in event_kinds()
        assert refusals() == ["unknown state"]


def test_the_same_answer_twice_is_refused(bakery: Traveller, reasons: Callable[[], list[str]]) -> None:
    address = bakery.go("Reconnect", "social-business")
    bakery.come_back(address)
    bakery.come_back(address, status=400)
    assert reasons() == ["already used"]


def test_a_link_that_finishes_somebody_elses_flow_links_nothing(
    bakery: Traveller, another: Callable[[object], Traveller], world: World, reasons: Callable[[], list[str]]
) -> None:
    ben = another(world.ben)
    bens_answer = _answer_of_a_new_connection(ben, "social-agency")
    bakery.come_back(bens_answer, status=400)
    assert reasons() == ["another member's attempt"]
    assert "Brightside" not in bakery.page.get("/connections").text
    ben.come_back(bens_answer, status=400)
    assert "Brightside" not in ben.page.get("/connections").text


def test_another_browser_of_ones_own_cannot_finish_it(
    bakery: Traveller, app: Flask, world: World, reasons: Callable[[], list[str]]
) -> None:
    address = bakery.go("Reconnect", "social-business")
    bakery.come_back(address, status=400, page=Page(app).sign_in(world.ana))
    assert reasons() == ["another browser session"]


def test_another_providers_callback_cannot_finish_it(bakery: Traveller, reasons: Callable[[], list[str]]) -> None:
    address = bakery.go("Reconnect", "social-business").replace("callback/demo-social", "callback/demo-video")
    bakery.come_back(address, status=400)
    assert reasons() == ["another provider's callback"]


def test_a_provider_nobody_knows_cannot_finish_it(bakery: Traveller) -> None:
    address = bakery.go("Reconnect", "social-business").replace("callback/demo-social", "callback/nowhere")
    bakery.come_back(address, status=400)
    assert_unchanged(bakery)


def test_whoever_was_signed_out_meanwhile_signs_in_and_is_told_that_nothing_changed(
    bakery: Traveller, app: Flask, reasons: Callable[[], list[str]]
) -> None:
    address = bakery.go("Reconnect", "social-business")
    bakery.page.get("/connections").submit("Sign out")
    page = bakery.come_back(address)
    assert page.heading == "Sign in"
    assert "Nothing was changed; please sign in and start again." in page.response.text
    assert urlsplit(address).query not in page.response.text
    assert reasons() == ["signed out"]


def test_a_parameter_sent_twice_counts_as_missing(bakery: Traveller, reasons: Callable[[], list[str]]) -> None:
    address = bakery.go("Reconnect", "social-business")
    params = parse_qsl(urlsplit(address).query)
    doubled = [*params, *[(name, "other") for name, _ in params if name == "code"]]
    bakery.page.get(f"/consent/callback/demo-social?{urlencode(doubled)}", status=400)
    assert "neither a consent nor a reason" in reasons()[0]


def test_looking_with_head_spends_nothing(bakery: Traveller) -> None:
    address = bakery.go("Reconnect", "social-business")
    parts = urlsplit(address)
    assert bakery.page.client.head(f"{parts.path}?{parts.query}").status_code == 405
    assert "Reconnected. Thank you." in bakery.come_back(address).text


def test_a_provider_that_fails_at_the_exchange_costs_one_more_try(bakery: Traveller) -> None:
    bakery.provider.control("social/fail", kind="unavailable", on="token", times=1)
    page = bakery.consent("Reconnect", "social-business", status=503)
    assert page.heading == "The provider does not answer as it should right now"
    page.get("/connections").press_link("Bakery")
    assert "Reconnected. Thank you." in bakery.consent("Reconnect", "social-business").text


def test_without_the_list_of_accounts_nothing_is_accepted(bakery: Traveller) -> None:
    bakery.provider.control("social/fail", kind="unavailable", on="accounts", times=1)
    bakery.consent("Reconnect", "social-business", status=503)
    assert_unchanged(bakery)


def test_a_get_never_starts_a_trip(bakery: Traveller) -> None:
    page = bakery.page.get("/connections").press_link("Bakery")
    page.get(f"{page.path}/reconsent", status=405)


def test_nobody_finishes_or_sees_a_review_that_is_not_theirs(
    bakery: Traveller, another: Callable[[object], Traveller], world: World
) -> None:
    bakery.consent("Reconnect", "social-personal")
    for stranger in (world.ben, world.dmitri):
        another(stranger).page.get(bakery.page.path, status=404)


def _answer_of_a_new_connection(traveller: Traveller, sub: str) -> str:
    traveller.page.get("/connections/new")
    traveller.provider.control("social/next-consent", sub=sub)
    traveller.page.submit("Connect", follow=False, status=303, provider="demo-social")
    return traveller.approve(traveller.page.location)


assert attempts.LASTS.total_seconds() == 15 * 60
