"""Each page as such: wide and on a phone, light and dark; `Visitor` looks for everything that could be wrong."""

from datetime import timedelta
from typing import Any

import pytest

from portal.rules.roles import Role
from portal.rules.status import ConnectionState
from tests.browser.acme import Acme
from tests.browser.demo import Demo
from tests.browser.visitor import NARROW, Visitor
from tests.fixtures.browser import WIDE, Browse, SignIn

pytestmark = pytest.mark.browser

LOOKS = [
    pytest.param({"viewport": WIDE, "color_scheme": "light"}, id="wide-light"),
    pytest.param({"viewport": WIDE, "color_scheme": "dark"}, id="wide-dark"),
    pytest.param({"viewport": NARROW, "color_scheme": "light"}, id="narrow-light"),
    pytest.param({"viewport": NARROW, "color_scheme": "dark"}, id="narrow-dark"),
]
IN_FRONT_OF_THE_DOOR = [
    "/login",
    "/login/sent",
    "/login/none",
    "/no-such-page",
    "/demo",
    "/demo/mailbox",
    "/demo/clock",
]
MEMBERS = ["/connections", "/connections/new", "/sessions"]
ADMINS = [
    "/admin/providers",
    "/admin/providers/demo-social",
    "/admin/connections",
    "/admin/service-connections",
    "/admin/service-connections/new",
    "/admin/service-connections/new/google-service",
    "/admin/service-connections/new/salesforce-jwt",
    "/admin/members",
    "/admin/members/invite",
    "/admin/members/import",
    "/admin/settings",
]


def look_at(visitor: Visitor, places: list[str]) -> None:
    for place in places:
        visitor.open(place)


@pytest.mark.parametrize("look", LOOKS)
def test_what_everybody_sees(browse: Browse, look: dict[str, Any]) -> None:
    look_at(browse(**look), IN_FRONT_OF_THE_DOOR)


@pytest.mark.parametrize("look", LOOKS)
def test_what_members_see(acme: Acme, sign_in: SignIn, look: dict[str, Any]) -> None:
    one = f"/connections/{acme.connect(acme.ana, acme.login('Business'), 'Bakery page')}"
    other = acme.login("Personal")
    ana = sign_in(acme.ana, one, **look)
    look_at(ana, [*MEMBERS, f"{one}/nickname", f"{one}/disconnect", one])
    ana.press("Reconnect")
    ana.consent(other.label)
    assert ana.heading == "You signed in to a different account"


@pytest.mark.parametrize("look", LOOKS)
def test_what_admins_see(demo: Demo, acme: Acme, sign_in: SignIn, look: dict[str, Any]) -> None:
    connection_id = acme.connect(acme.ana, acme.login("Business"), "Bakery page")
    chloe = sign_in(acme.chloe, "/admin/audit", **look)
    person = f"/admin/members/{acme.ana.id}"
    look_at(chloe, [*ADMINS, f"/admin/connections/{connection_id}", person, f"{person}/deactivate"])


@pytest.mark.parametrize("look", LOOKS)
def test_what_team_owners_see(acme: Acme, sign_in: SignIn, look: dict[str, Any]) -> None:
    owner = acme.add_member("Dmitri Dahl", team="Press", role=Role.TEAM_OWNER)
    empty = sign_in(owner, "/team", **look)
    empty.sees("No connections yet")
    acme.connect_on_paper(acme.ana, "Ending page", consent_ends_in=timedelta(days=5))
    acme.connect_on_paper(acme.ben, "Shop page", consent_ends_in=timedelta(days=6))
    acme.connect_on_paper(owner, "Own page", state=ConnectionState.INVITED, consent_ends_in=None)
    look_at(empty, ["/team?search=nobody", "/team"])
    assert empty.heading == "Connections of Press"
    empty.sees("Ending page", "Own page")
    assert "Shop page" not in empty.page.get_by_role("main").inner_text()
    teamless = acme.add_member("Zoe Zorn", role=Role.TEAM_OWNER)
    sign_in(teamless, "/team", **look).sees("You have no team yet")


@pytest.mark.parametrize("look", LOOKS)
def test_the_sample_organizations_dashboard(browse: Browse, look: dict[str, Any]) -> None:
    chloe = browse(**look)
    chloe.open("/demo")
    chloe.press("Sign in as Chloe")
    assert chloe.heading == "Connections"
    chloe.follow("Next page")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_can_be_chosen_and_are_remembered(browse: Browse, scheme: str) -> None:
    other = {"light": "dark", "dark": "light"}[scheme]
    visitor = browse(color_scheme=scheme)
    visitor.open("/login")
    visitor.button(f"Switch to {other} colours").click()
    visitor.look()
    visitor.open("/demo")
    assert visitor.button(f"Switch to {scheme} colours").is_visible()
