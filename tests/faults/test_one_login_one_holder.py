"""The same provider login, claimed by many people at once: one of them holds it, everybody else is told once."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import select

from portal.db import db, reading
from portal.models import Connection
from portal.models.email import EmailKind
from portal.rules.status import ConnectionState
from portal.services import api_keys
from tests import links
from tests.demo_provider import DemoProvider, callback_of
from tests.factories import Person, make_member, make_world
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import MailServer
from tests.faults.site import TIMEOUT_S, Site
from tests.faults.visitor import Visitor

SUB = "acme-page"
NEW = "/connections/new"
MOST_TRIES = 50


@reading
def connections_of_login() -> Sequence[Connection]:
    found = db.session.scalars(select(Connection).where(Connection.subject == SUB)).all()
    db.session.expunge_all()
    return found


def approved(visitor: Visitor, provider: DemoProvider) -> str:
    """The person presses Connect and consents with the login; returns where the provider sends them back to."""
    provider.control("social/next-consent", sub=SUB)
    visitor.get(NEW).submit("Connect", provider="demo-social", nickname="Page")
    answer = requests.get(visitor.leads_to, allow_redirects=False, timeout=TIMEOUT_S)
    callback = callback_of(answer)
    return answer.headers["Location"]


def insist(visitor: Visitor) -> int:
    """Press Replace until it was done on what was really shown; returns how often."""
    for tries in range(MOST_TRIES):
        if "/consent/" not in visitor.leads_to:
            return tries
        visitor.get(visitor.leads_to)
        print(visitor.heading, visitor.buttons)
        visitor.submit("Replace")
    raise AssertionError(f"never settled: {visitor.leads_to}")


@sizes(5, 20)
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_one_holds_the_login_and_each_displaced_person_is_told_once(
    provider: DemoProvider, site: Site, mail: MailServer, size: int
):
    world = make_world(now=site.now())
    provider.control("social/logins", sub=SUB, label="Acme page", name="Acme page", email="page@acme.example")
    people = [
        make_member(world.acme, f"Person {number}", f"person-{number}@acme.example", now=site.now())
        for number in range(size)
    ]
    webs = site.webs(2)
    site.worker(), site.scheduler()
    visitors = []
    for number, person in enumerate(people):
        token = links.delivered_link(person, now=site.now(), kind=EmailKind.REMINDER, place=NEW)
        visitors.append(Visitor(webs[number % 2].url).come_in(f"/login/{token}"))
    ways_back = [approved(visitor, provider) for visitor in visitors]
    with ThreadPoolExecutor(size) as pool:
        list(pool.map(lambda pair: pair[0].get(pair[1]), zip(visitors, ways_back, strict=True)))
        assert {visitor.status for visitor in visitors} == {303}
        list(pool.map(insist, visitors))

    states = Counter(one.state for one in connections_of_login())
    print(states)
    assert states[ConnectionState.ACTIVE] == 1
    displaced = {one.member_id for one in connections_of_login() if one.state is ConnectionState.DISPLACED}
    assert len(displaced) == size - 1
