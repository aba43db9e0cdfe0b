"""Signing out, deactivation and demotion count on every process at once, whatever cookie somebody kept."""

import pytest

from portal.models.email import EmailKind
from portal.rules.roles import Role
from tests import links
from tests.factories import Person, World, make_member, make_world
from tests.faults.conftest import BOTH
from tests.faults.site import Site, Web
from tests.faults.visitor import Visitor

HOME, ADMIN = "/connections", "/admin/connections"


@pytest.fixture
def world(site: Site) -> World:
    return make_world(now=site.now())


def signed_in(site: Site, web: Web, who: Person) -> Visitor:
    token = links.delivered_link(who, now=site.now(), kind=EmailKind.REMINDER, place=HOME)
    return Visitor(web.url).come_in(f"/login/{token}")


@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_what_ends_a_session_ends_it_on_every_process_at_once(site: Site, world: World):
    here, there = site.webs(2)
    ana, ben, chloe = (signed_in(site, here, who) for who in (world.ana, world.ben, world.chloe))
    also_chloe = make_member(world.acme, "Carl Chen", "carl@acme.example", Role.ORG_ADMIN, now=site.now())
    carl = signed_in(site, there, also_chloe)
    saved = ana.at(there.url)
    assert [visitor.at(there.url).get(HOME).status for visitor in (ana, ben, chloe)] == [200] * 3

    ana.get(HOME).submit("Sign out")
    assert saved.get(HOME).leads_to.startswith("/login"), "a saved cookie is refused"

    person = f"/admin/members/{world.ben.id}"
    chloe.get(f"{person}/deactivate").submit("Deactivate")
    assert chloe.status == 303
    assert ben.at(there.url).get(HOME).leads_to.startswith("/login"), "deactivated"

    assert carl.at(here.url).get(ADMIN).status == 200
    chloe.get(f"/admin/members/{also_chloe.id}").submit("Save", name="Carl Chen", role="member", team="")
    assert chloe.status == 303
    assert carl.get(ADMIN).status != 200, "demoted"
    assert carl.get(HOME).leads_to.startswith("/login"), "and signed out with the power"
