"""Uses are counted in memory, yet none is lost when a web process ends; a killed one loses its last seconds alone."""

import signal
from datetime import timedelta
from uuid import UUID

import requests

from portal.db import db, transaction
from portal.models import KeyUse
from portal.services import api_keys
from tests.factories import make_connection, make_world
from tests.faults.site import TIMEOUT_S, Site, Web
from tests.patience import eventually

CALLS = 30


def ask(web: Web, connection_id: UUID, key: str, times: int = CALLS) -> None:
    address, headers = f"{web.url}/api/v1/connections/{connection_id}/token", {"Authorization": f"Bearer {key}"}
    for _ in range(times):  # a new connection each time, so that both processes get some
        assert requests.post(address, headers=headers, timeout=TIMEOUT_S).status_code == 200


@transaction
def uses() -> int:
    return db.session.scalar(db.select(db.func.coalesce(db.func.sum(KeyUse.uses), 0))) or 0


def backend(site: Site) -> tuple[UUID, str]:
    world = make_world(now=site.now())
    connection_id = make_connection(world.ana, access_ends_in=timedelta(days=9), now=site.now())
    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    return connection_id, key.reveal()


def test_web_processes_that_end_or_restart_write_down_what_they_have_counted(site: Site):
    connection_id, key = backend(site)
    web = site.web(workers=2)
    ask(web, connection_id, key)
    web.process.signal(signal.SIGHUP)
    assert eventually(lambda: uses() == CALLS)
    web.wait_until_it_answers()
    ask(web, connection_id, key)
    assert web.process.end() == 0
    assert uses() == 2 * CALLS


def test_a_killed_web_process_loses_nothing_that_is_some_seconds_old(site: Site):
    connection_id, key = backend(site)
    web = site.web()
    ask(web, connection_id, key)
    assert eventually(lambda: uses() == CALLS)
    web.process.signal(signal.SIGKILL)
    assert uses() == CALLS
