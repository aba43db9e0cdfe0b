"""Fresh tokens over HTTP: the API's one hot call beside a bare route that reads one row and opens one secret."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

from bench import calls
from bench.figures import Figure, Median, at_least
from bench.processes import Address, gunicorn
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


def measure(site: Site) -> Iterator[Figure]:
    with site.portal("tokens") as portal, ExitStack() as until_end:
        key, connection_ids = _backend_with_fresh_tokens(portal)
        runs: dict[str, Measured] = {}
        for name, target in (("portal", "wsgi:app"), ("bare", "bench.bare_token_route:create_app()")):
            log = site.folder / f"{name}.log"
            address = until_end.enter_context(gunicorn(target, portal.environ, log, workers=ONE_PROCESS))
            requests = [calls.post(PATHS[name].format(one), key=key) for one in connection_ids]
            runs[name] = _rate(address, requests, site.size.round_s)
        medians = in_turns(runs, repeats=site.size.rounds)
    subject = Median("token request", medians["portal"], "/s")
    yield Figure("tokens", site.kind, subject, Median("bare route", medians["bare"], "/s"), at_least(0.5))


def _rate(address: Address, requests: list[bytes], seconds: float) -> Measured:
    def run() -> float:
        tally = calls.for_a_while(address, requests, width=CALLERS, seconds=seconds)
        if tally.refusals:
            raise RuntimeError(f"{len(tally.refusals)} calls were refused, first {tally.refusals[0]!r}")
        return tally.a_second

    return run


def _backend_with_fresh_tokens(portal: Portal) -> tuple[str, list[UUID]]:
    now = clock.now()
    with portal.app.app_context():
        organization_id = factories.make_organization("Acme", "acme", now=now)
        ana = factories.make_member(organization_id, "Ana Alvarez", "ana@acme.example", now=now)
        connection_ids = [factories.make_connection(ana, now=now) for _ in range(CONNECTIONS)]
        _view, key = api_keys.create(Asker.command(organization_id), "backend", now=now)
        return key.reveal(), connection_ids
