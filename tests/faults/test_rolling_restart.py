"""Every part is restarted, one after the other, while people and backends go on asking: none of them notices."""

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from uuid import UUID

import requests

from portal.services import api_keys
from tests.factories import make_connection, make_world
from tests.faults import people
from tests.faults.conftest import sizes
from tests.faults.mail_server import MailServer
from tests.faults.site import TIMEOUT_S, Site, Web
from tests.patience import eventually

DUE_NOW = timedelta(days=13)
NEXT_TICK = timedelta(minutes=1)
CALLERS, PAUSE_S = 4, 0.02


def call_until(stop: Event, web: Web, connection_id: UUID, key: str) -> list[str]:
    """A backend that asks without a pause; a new connection each time, as a proxy in front makes them."""
    address, headers = f"{web.url}/api/v1/connections/{connection_id}/token", {"Authorization": f"Bearer {key}"}
    statuses = []
    while not stop.wait(PAUSE_S):
        try:
            statuses.append(str(requests.post(address, headers=headers, timeout=TIMEOUT_S).status_code))
        except requests.RequestException as error:
            statuses.append(repr(error))
    return statuses


@contextmanager
def calling(web: Web, connection_id: UUID, key: str) -> Iterator[list[Future[list[str]]]]:
    """Backends that ask for as long as the block lasts, however it ends."""
    stop = Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        try:
            yield [pool.submit(call_until, stop, web, connection_id, key) for _ in range(CALLERS)]
        finally:
            stop.set()


@sizes(1, 10)
def test_nobody_notices_a_rolling_restart(site: Site, mail: MailServer, size: int):
    world = make_world(now=site.now())
    connection_id = make_connection(world.ana, access_ends_in=timedelta(days=9), now=site.now())
    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    web = site.web(workers=2)
    worker, scheduler = site.worker(), site.scheduler()
    mail.delay_s = 0.01
    crowd = []
    with calling(web, connection_id, key.reveal()) as calls:
        for number in range(size):
            wave = people.make_crowd(60, name=f"Wave{number}", ends_in=DUE_NOW, now=site.now())
            crowd += wave
            site.move_clock(NEXT_TICK)
            assert eventually(lambda wave=wave: not mail.recipients.keys().isdisjoint(wave), within_s=60)
            web.process.signal(signal.SIGHUP)
            assert worker.end() == 0
            assert scheduler.end() == 0
            worker, scheduler = site.worker(), site.scheduler()
        assert site.pass_time(lambda: len(mail.ledger) >= len(crowd), by=NEXT_TICK, at_most=timedelta(minutes=10))
    statuses = [status for call in calls for status in call.result()]
    assert set(statuses) == {"200"}
    assert mail.recipients == dict.fromkeys(crowd, 1)
    assert web.process.said.count("Booting worker") >= 2 + 2 * size
