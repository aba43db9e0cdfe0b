"""A link signs in one person, once: whoever presses, scans or floods."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from portal.models.email import EmailKind
from tests import links
from tests.factories import World, make_world
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import MailServer
from tests.faults.site import Site
from tests.faults.visitor import Visitor

PLACE = "/connections"


@pytest.fixture
def world(site: Site) -> World:
    return make_world(now=site.now())


@sizes(30, 50)
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_many_presses_at_once_begin_one_session(site: Site, world: World, size: int):
    webs = site.webs(2)
    token = links.delivered_link(world.ana, now=site.now(), kind=EmailKind.REMINDER, place=PLACE)
    browsers = [Visitor(webs[number % 2].url).get(f"/login/{token}") for number in range(size)]
    with ThreadPoolExecutor(size) as pool:
        list(pool.map(lambda browser: browser.submit("Continue"), browsers))
    assert {browser.status for browser in browsers} == {303}
    came_in = [browser for browser in browsers if browser.leads_to == PLACE]
    assert len(came_in) == 1
    assert links.live_sessions(world.ana) == 1
    assert [browser.get(PLACE).status for browser in browsers].count(200) == 1


@sizes(60, 1_000)
def test_scanners_visits_use_nothing_up(site: Site, world: World, size: int):
    web = site.web()
    token = links.delivered_link(world.ana, now=site.now(), kind=EmailKind.REMINDER, place=PLACE)
    methods = ["GET", "HEAD", "OPTIONS"]
    with ThreadPoolExecutor(8) as pool:
        visits = pool.map(lambda n: Visitor(web.url).get(f"/login/{token}", method=methods[n % 3]).status, range(size))
    assert set(visits) == {200}
    bare_post = Visitor(web.url).get(f"/login/{token}", method="POST")
    assert bare_post.status == 400, "a form that was never shown"
    assert links.used_at(world.ana) is None
    assert Visitor(web.url).come_in(f"/login/{token}").leads_to == PLACE


@sizes(60, 1_000)
def test_a_flood_of_requests_brings_few_emails_and_the_newest_link_works(
    site: Site, mail: MailServer, world: World, size: int
):
    webs = site.webs(2)
    site.worker(), site.scheduler()

    def ask(number: int) -> int:
        browser = Visitor(webs[number % 2].url, network=f"198.51.{number % 250}.{number // 250}")
        return browser.get("/login").submit("Email me a sign-in link", email=world.ana.email).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(size))) == {303}
    first = mail.wait_for(1)[0]
    site.move_clock(timedelta(minutes=2))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(size))) == {303}
    newest = mail.wait_for(2)[-1]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(size))) == {303}
    site.tick_now()
    assert len(mail.ledger) == 2
    assert Visitor(webs[0].url).get(first.link).heading == "This link was replaced by a newer one"
    assert Visitor(webs[1].url).come_in(newest.link).leads_to == PLACE
