"""However many ask for a token past its time: one refresh at the provider, a good answer for everybody."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Timer
from uuid import UUID

import pytest
import requests

from portal.services import api_keys
from tests.factories import World, make_connection, make_world
from tests.faults.conftest import BOTH, sizes
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import TIMEOUT_S, Site
from tests.fixtures.stub_provider import StubProvider

SLOW_S = 1.5
RESPITE_S = 0.4


@dataclass(frozen=True)
class Size:
    requests: int
    webs: int
    workers: int


@pytest.fixture
def world(site: Site) -> World:
    return make_world(now=site.now())


def ask(url: str, key: str, connection_id: UUID) -> requests.Response:
    address = f"{url}/api/v1/connections/{connection_id}/token"
    return requests.post(address, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)


@sizes(Size(40, 2, 1), Size(200, 4, 4))
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_many_requests_at_once_cost_one_refresh(
    stub: StubProvider, redis: RedisAtRisk, site: Site, world: World, size: Size
):
    workers = [site.worker() for _ in range(size.workers)]
    webs = site.webs(size.webs)
    site.scheduler()
    expired = make_connection(world.ana, provider_id="stub", access_ends_in=timedelta(seconds=-1), now=site.now())
    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    stub.delay_s = SLOW_S
    Timer(RESPITE_S, redis.empty).start()
    with ThreadPoolExecutor(size.requests) as pool:
        asked = [pool.submit(ask, webs[n % size.webs].url, key.reveal(), expired) for n in range(size.requests)]
        answers = [one.result() for one in asked]
    assert [answer.status_code for answer in answers] == [200] * size.requests
    assert {answer.json()["access_token"] for answer in answers} == {"access-2"}
    assert stub.refreshes == ["refresh-1"]
    assert stub.reused == []
    assert all(worker.is_running for worker in workers)
