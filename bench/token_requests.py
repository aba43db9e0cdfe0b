"""Fresh tokens over HTTP: the API's one hot call, with a limited key whose uses are counted.

Compared are its throughput with a bare route that reads one row and opens one secret, and what a process holds in
memory after many requests with what it held once it was warm.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

from bench import calls, memory
from bench.figures import Figure, Median, at_least, at_most
from bench.processes import Address, gunicorn, served
from bench.site import Portal, Site
from bench.timing import Measured, in_turns
from portal import clock
from portal.services import api_keys
from portal.services.asker import Asker
from tests import factories

CONNECTIONS = 100
CALLERS = 8
ONE_PROCESS = 1  # the other core is the database's and the caller's
PATHS = {"portal": "/api/v1/connections/{}/token", "bare": "/connections/{}/token"}
LIMIT = ("demo-social", "demo-video")


def measure(site: Site) -> Iterator[Figure]:
    with site.portal("tokens") as portal:
        key, connection_ids = _backend_with_fresh_tokens(portal)
        yield _throughput(site, portal, key, connection_ids)
        yield _growth(site, portal, key, connection_ids)


def _throughput(site: Site, portal: Portal, key: str, connection_ids: list[UUID]) -> Figure:
    with ExitStack() as until_end:
        runs: dict[str, Measured] = {}
        for name, target in (("portal", "wsgi:app"), ("bare", "bench.bare_token_route:create_app()")):
            log = site.folder / f"{name}.log"
            address = until_end.enter_context(gunicorn(target, portal.environ, log, workers=ONE_PROCESS))
            runs[name] = _rate(address, _requests(name, key, connection_ids), site.size.round_s)
        medians = in_turns(runs, repeats=site.size.rounds)
    subject = Median("token request", medians["portal"], "/s")
    return Figure("tokens", site.kind, subject, Median("bare route", medians["bare"], "/s"), at_least(0.5))


def _growth(site: Site, portal: Portal, key: str, connection_ids: list[UUID]) -> Figure:
    requests, least = _requests("portal", key, connection_ids), site.size.token_requests
    with served("wsgi:app", portal.environ, site.folder / "memory.log", workers=ONE_PROCESS) as server:
        _ask(server.address, requests, least // 10)
        warm = memory.of_workers(server.pid)
        answers = _ask(server.address, requests, least)
        grown = memory.of_workers(server.pid)
    subject = Median(f"memory after {answers:,} requests", grown, "MB")
    return Figure("tokens", site.kind, subject, Median("once warm", warm, "MB"), at_most(1.1))


def _requests(name: str, key: str, connection_ids: list[UUID]) -> list[bytes]:
    return [calls.post(PATHS[name].format(one), key=key) for one in connection_ids]


def _rate(address: Address, requests: list[bytes], seconds: float) -> Measured:
    def run() -> float:
        tally = calls.for_a_while(address, requests, width=CALLERS, seconds=seconds)
        _refuse_refusals(tally)
        return tally.a_second

    return run


def _ask(address: Address, requests: list[bytes], least: int) -> int:
    """Ask so often at least; returns how often it was."""
    answers = 0
    while answers < least:
        tally = calls.for_a_while(address, requests, width=CALLERS, seconds=0.5)
        _refuse_refusals(tally)
        answers += tally.answers
    return answers


def _refuse_refusals(tally: calls.Tally) -> None:
    if tally.refusals:
        raise RuntimeError(f"{len(tally.refusals)} calls were refused, first {tally.refusals[0]!r}")


def _backend_with_fresh_tokens(portal: Portal) -> tuple[str, list[UUID]]:
    now = clock.now()
    with portal.app.app_context():
        organization_id = factories.make_organization("Acme", "acme", now=now)
        ana = factories.make_member(organization_id, "Ana Alvarez", "ana@acme.example", now=now)
        connection_ids = [factories.make_connection(ana, now=now) for _ in range(CONNECTIONS)]
        _view, key = api_keys.create(Asker.command(organization_id), "backend", providers=LIMIT, now=now)
        return key.reveal(), connection_ids
