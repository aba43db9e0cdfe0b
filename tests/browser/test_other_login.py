"""Coming back from the provider as somebody else, or with less: nothing is replaced that was not seen and decided."""

from dataclasses import dataclass
from uuid import UUID

import pytest

from tests.browser.acme import Acme, Login
from tests.browser.demo import Demo
from tests.browser.visitor import Visitor
from tests.fixtures.browser import SignIn
from tests.patience import eventually

pytestmark = pytest.mark.browser

WHOLE_LIFE_S = 3600  # of an access token at the demo's providers: asking for it makes the portal refresh
DIFFERENT = "You signed in to a different account"
ALREADY_CONNECTED = "This login is already connected"
NO_LONGER_SHARED = "Something is no longer shared"
NOT_OPEN = "This decision is no longer open"
PUBLISH = "Publish posts on your pages"


@dataclass
class Scene:
    """Ana at her connection's page, and the login it was made with."""

    acme: Acme
    ana: Visitor
    right: Login
    connection_id: UUID

    def reconnect(self, login: Login, *, without: tuple[str, ...] = (), decision: str = "Allow") -> None:
        self.ana.press("Reconnect")
        self.ana.consent(login.label, without=without, decision=decision)

    def subject(self, connection_id: UUID | None = None) -> str:
        """Whose tokens a backend gets, after a refresh that only a living consent can give."""
        answer = self.acme.ask_token(connection_id or self.connection_id, min_ttl=WHOLE_LIFE_S)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["subject"])

    def has_ended(self, login: Login) -> bool:
        return eventually(lambda: self.acme.living_grants(login) == 0)


@pytest.fixture
def scene(acme: Acme, sign_in: SignIn) -> Scene:
    right = acme.login("Business")
    connection_id = acme.connect(acme.ana, right, "Bakery page")
    return Scene(acme, sign_in(acme.ana, f"/connections/{connection_id}"), right, connection_id)


@pytest.fixture
def wrong(acme: Acme, scene: Scene) -> Login:
    """Another login, with which Ana has just come back; the review page is open."""
    login = acme.login("Personal", accounts=("Holidays",))
    scene.reconnect(login)
    assert scene.ana.heading == DIFFERENT
    scene.ana.sees("Nothing has changed so far", scene.right.name, login.name, "Holidays")
    return login


def test_use_the_right_login_goes_back_and_renews_with_it(scene: Scene, wrong: Login) -> None:
    scene.ana.press("Use the right login")
    scene.ana.consent(scene.right.label)
    scene.ana.sees("Reconnected. Thank you.", scene.right.name)
    assert scene.subject() == scene.right.sub
    assert scene.has_ended(wrong)


def test_replace_puts_the_new_login_in_the_place_of_the_old_one(scene: Scene, wrong: Login) -> None:
    scene.ana.press("Replace")
    assert scene.ana.heading == "Bakery page"
    scene.ana.sees("Replaced. The new login is connected.", wrong.name, "Holidays")
    assert scene.subject() == wrong.sub


def test_keep_both_leaves_the_old_one_and_makes_a_second(scene: Scene, wrong: Login) -> None:
    scene.ana.fill("Name for the new connection", "Holiday page")
    scene.ana.press("Keep both")
    assert scene.ana.heading == "Holiday page"
    scene.ana.sees("Both are connected now.", wrong.name)
    new_id = UUID(scene.ana.place.rpartition("/")[2])
    assert (scene.subject(), scene.subject(new_id)) == (scene.right.sub, wrong.sub)


def test_cancel_leaves_the_old_tokens_at_work_and_ends_the_new_consent(scene: Scene, wrong: Login) -> None:
    scene.ana.press("Cancel")
    scene.ana.sees("Cancelled. Nothing was changed", scene.right.name)
    assert scene.subject() == scene.right.sub
    assert scene.has_ended(wrong)


def test_a_decision_is_made_without_javascript_too(acme: Acme, scene: Scene, sign_in: SignIn) -> None:
    ana = sign_in(acme.ana, f"/connections/{scene.connection_id}", java_script_enabled=False)
    plain = Scene(acme, ana, scene.right, scene.connection_id)
    other = acme.login("Personal")
    plain.reconnect(other)
    ana.press("Replace")
    ana.sees("Replaced. The new login is connected.")
    assert plain.subject() == other.sub


def test_a_decision_already_made_in_another_tab_is_not_made_twice(scene: Scene, wrong: Login) -> None:
    other_tab = Visitor(scene.ana.context)
    other_tab.open(scene.ana.page.url)
    scene.ana.press("Cancel")
    other_tab.press("Replace")
    assert other_tab.heading == NOT_OPEN
    scene.ana.page.go_back()
    assert scene.ana.heading == NOT_OPEN
    assert scene.subject() == scene.right.sub


def test_fewer_scopes_are_shown_before_they_count(scene: Scene) -> None:
    scene.reconnect(scene.right, without=(PUBLISH,))
    assert scene.ana.heading == NO_LONGER_SHARED
    scene.ana.sees("pages.publish")
    scene.ana.press("Replace")
    scene.ana.sees("Replaced.", "Missing: pages.publish")
    assert "pages.publish" not in scene.acme.ask_token(scene.connection_id).json()["scopes"]


def test_fewer_accounts_are_shown_and_cancel_keeps_them(scene: Scene) -> None:
    scene.reconnect(scene.right, without=("Jobs",))
    assert scene.ana.heading == NO_LONGER_SHARED
    scene.ana.sees("No longer reachable: Jobs.")
    scene.ana.press("Cancel")
    scene.ana.sees("Cancelled.", "Jobs")
    assert scene.subject() == scene.right.sub


def test_a_login_of_ones_own_other_connection_can_renew_that_one(scene: Scene) -> None:
    other = scene.acme.login("Archive")
    other_id = scene.acme.connect(scene.acme.ana, other, "Old page")
    scene.reconnect(other)
    assert scene.ana.heading == DIFFERENT
    scene.ana.sees("You have connected this login already", "Old page")
    scene.ana.press("Renew the other connection")
    assert scene.ana.place == f"/connections/{other_id}"
    scene.ana.sees("Your other connection is renewed.", "in 60 days")
    assert scene.subject() == scene.right.sub


def test_a_colleagues_login_is_taken_over_only_after_a_warning_and_they_are_told(demo: Demo, scene: Scene) -> None:
    bens = scene.acme.login("Shared")
    bens_id = scene.acme.connect(scene.acme.ben, bens, "Team page")
    scene.reconnect(bens)
    scene.ana.sees("Ben Brandt has connected this login")
    scene.ana.press("Cancel")
    assert scene.subject(bens_id) == bens.sub
    scene.reconnect(bens)
    scene.ana.press("Replace")
    assert scene.subject() == bens.sub
    assert scene.acme.ask_token(bens_id).status_code == 409
    assert "Team page" in demo.wait_for_mail(scene.acme.ben.email, "displaced").as_string()


def test_a_first_connection_with_a_colleagues_login_asks_first(scene: Scene) -> None:
    bens = scene.acme.login("Shared")
    bens_id = scene.acme.connect(scene.acme.ben, bens, "Team page")
    scene.ana.open("/connections/new")
    scene.ana.page.get_by_role("radio", name="Demo Social").check()
    scene.ana.press("Connect")
    scene.ana.consent(bens.label)
    assert scene.ana.heading == ALREADY_CONNECTED
    scene.ana.press("Cancel")
    scene.ana.sees("Cancelled. Nothing was connected.")
    assert scene.subject(bens_id) == bens.sub


def test_denying_at_the_provider_changes_nothing(scene: Scene) -> None:
    scene.reconnect(scene.right, decision="Deny")
    scene.ana.sees("Nothing was changed")
    assert scene.subject() == scene.right.sub
