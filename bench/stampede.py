"""Two hundred backends ask for one connection's token at once, just after its time: one of them may refresh it.

Meanwhile others ask for tokens of connections that are fresh, and are not to notice.
"""

import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from bench import calls
from bench.bystanders import bystanders
from bench.figures import Figure, Median, at_most
from bench.processes import Address, gunicorn
from bench.rush import Rush, all_at_once
from bench.site import Portal, Site
from bench.slow_provider import ledger, slow_provider
from portal import clock
from portal.services import api_keys
from portal.services.asker import Asker
from tests import factories

CALLERS = 200
OTHERS = 16
THINKS_S = 0.3
PROCESSES = (2, 4)
OTHERS_WAIT_MS = 100.0


@dataclass(frozen=True, slots=True)
class Backend:
    """A key, the connections that wait for a rush each, and those that others ask for."""

    key: str
    old: Sequence[UUID]
    fresh: Sequence[UUID]

    def request(self, connection_id: UUID) -> bytes:
        return calls.post(f"/api/v1/connections/{connection_id}/token", key=self.key)


def measure(site: Site) -> Iterator[Figure]:
    for processes in PROCESSES if site.size.is_full else PROCESSES[:1]:
        yield from _measured(site, processes)


def _measured(site: Site, processes: int) -> Iterator[Figure]:
    with ExitStack() as until_end:
        provider = until_end.enter_context(slow_provider(site.folder, thinks_s=THINKS_S))
        portal = until_end.enter_context(site.portal(f"stampede-{processes}", provider.environ))
        backend = _backend(portal, rushes=site.size.rushes + 1)
        log = site.folder / "stampede.log"
        address = until_end.enter_context(gunicorn("wsgi:app", portal.environ, log, workers=processes))
        with bystanders(address, [backend.request(one) for one in backend.fresh]) as waits:
            rushes = [_rush(address, [backend.request(one)] * CALLERS) for one in backend.old]
        most_calls = max(ledger(provider.address).values())
    counted = rushes[1:]  # the first opens every connection to the database
    slowest = statistics.median(one.slowest_s for one in counted) * 1000
    others = statistics.median(waits.slowest_s(since=one.began, until=one.over) for one in counted) * 1000
    words = f"of {CALLERS} at {processes} processes"
    asked = Median(f"most calls for one connection {words}", most_calls, "calls")
    yield Figure("stampede", site.kind, asked, Median("needed", 1, "calls"), at_most(1))
    last = Median(f"last answer {words}", slowest, "ms")
    yield Figure("stampede", site.kind, last, Median("provider", THINKS_S * 1000, "ms"), at_most(1.5))
    beside = Median(f"slowest of others' requests beside {words}", others, "ms")
    yield Figure("stampede", site.kind, beside, Median("allowed", OTHERS_WAIT_MS, "ms"), at_most(1))


def _rush(address: Address, requests: Sequence[bytes]) -> Rush:
    rush = all_at_once(address, requests)
    if rush.refusals:
        raise RuntimeError(f"{len(rush.refusals)} of {len(requests)} were refused, first {rush.refusals[0]!r}")
    return rush


def _backend(portal: Portal, *, rushes: int) -> Backend:
    now = clock.now()
    with portal.app.app_context():
        organization_id = factories.make_organization("Acme", "acme", now=now)
        ana = factories.make_member(organization_id, "Ana Alvarez", "ana@acme.example", now=now)
        ended = now - timedelta(hours=2)
        old = [
            factories.make_connection(ana, provider_id="slow", refresh_token=f"refresh-{number}.1", now=ended)
            for number in range(rushes)
        ]
        fresh = [factories.make_connection(ana, now=now) for _ in range(OTHERS)]
        _view, key = api_keys.create(Asker.command(organization_id), "backend", now=now)
        return Backend(key.reveal(), old, fresh)
