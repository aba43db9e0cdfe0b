"""However many backends report one dead token, in however many processes: one refresh, and its token for everybody."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import pytest
import requests

from portal.db import db, reading
from portal.models import Event
from portal.services import api_keys
from tests.factories import World, make_connection, make_world
from tests.faults.conftest import BOTH, sizes
from tests.faults.site import TIMEOUT_S, Site
from tests.fixtures.stub_provider import StubProvider

SLOW_S = 1.0


@dataclass(frozen=True)
class Size:
    reports: int
    webs: int


@pytest.fixture
def world(site: Site) -> World:
    return make_world(now=site.now())


def report(url: str, key: str, connection_id: UUID) -> requests.Response:
    address = f"{url}/api/v1/connections/{connection_id}/rejections"
    seen = {"generation": 1, "status": 401, "headers": {"WWW-Authenticate": 'Bearer error="invalid_token"'}}
    return requests.post(address, json=seen, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)


@reading
def told(connection_id: UUID) -> int:
    query = db.select(db.func.count()).select_from(Event)
    return db.session.scalar(query.filter_by(connection_id=connection_id, kind="grant:rejected")) or 0


@sizes(Size(40, 2), Size(200, 4))
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_many_reports_at_once_cost_one_refresh(stub: StubProvider, site: Site, world: World, size: Size):
    webs = site.webs(size.webs)
    refused = make_connection(world.ana, provider_id="stub", now=site.now())
    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    stub.delay_s = SLOW_S
    with ThreadPoolExecutor(size.reports) as pool:
        asked = [pool.submit(report, webs[n % size.webs].url, key.reveal(), refused) for n in range(size.reports)]
        answers = [one.result() for one in asked]
    assert [answer.status_code for answer in answers] == [200] * size.reports
    assert {(answer.json()["fault"], answer.json()["action"]) for answer in answers} == {("expired", "refresh")}
    assert {answer.json()["access_token"] for answer in answers} == {"access-2"}
    assert stub.refreshes == ["refresh-1"]
    assert stub.reused == []
    assert told(refused) == 1
