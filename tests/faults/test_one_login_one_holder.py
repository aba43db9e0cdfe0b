"""The same provider login, claimed by many people at once: one of them holds it, everybody else is told once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from portal.db import db, reading
from portal.models import Connection
from portal.models.email import EmailKind
from portal.rules.status import ConnectionState
from portal.services import api_keys
from tests import links
from tests.demo_provider import Client, DemoProvider
from tests.factories import make_member, make_world
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import MailServer
from tests.faults.site import TIMEOUT_S, Site, Web
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
    return requests.get(visitor.leads_to, allow_redirects=False, timeout=TIMEOUT_S).headers["Location"]


def insist(visitor: Visitor) -> None:
    """Press Replace until it was done on what was really shown."""
    for _ in range(MOST_TRIES):
        if "/consent/" not in visitor.leads_to:
            return
        visitor.get(visitor.leads_to).submit("Replace")
    raise AssertionError(f"never settled: {visitor.leads_to}")


def token_answer(web: Web, connection_id: UUID, key: str) -> requests.Response:
    address = f"{web.url}/api/v1/connections/{connection_id}/token"
    return requests.post(address, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)


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

    found = connections_of_login()
    (holder,) = [one for one in found if one.state is ConnectionState.ACTIVE]
    displaced = {one.id: one.member_id for one in found if one is not holder}
    assert {one.state for one in found if one is not holder} == {ConnectionState.DISPLACED}
    assert {*displaced.values(), holder.member_id} == {person.id for person in people}

    mail.wait_for(size - 1)
    site.tick_now()
    told = [person.email for person in people if person.id != holder.member_id]
    assert mail.recipients == dict.fromkeys(told, 1)
    assert {one.kind for one in mail.ledger} == {"displaced"}

    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    given = token_answer(webs[0], holder.id, key.reveal())
    assert Client(provider).get("userinfo", given.json()["access_token"]).status_code == 200
    assert {token_answer(webs[1], one, key.reveal()).status_code for one in displaced} == {409}
