"""Two hundred backends ask for one connection's token at once, just after its time: one of them may refresh it."""

import json
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen
from uuid import UUID

from bench import calls
from bench.figures import Figure, Median, at_most
from bench.processes import Address, gunicorn, listening, running
from bench.site import Portal, Site
from bench.slow_provider import FILE
from portal import clock
from portal.services import api_keys
from portal.services.asker import Asker
from tests import factories

CALLERS = 200
THINKS_S = 0.3
PROCESSES = 2


def measure(site: Site) -> Iterator[Figure]:
    repeats = min(site.size.repeats, 9) + 1  # the first does not count: it opens every connection to the database
    with ExitStack() as until_end:
        provider, environ = until_end.enter_context(_provider(site.folder))
        portal = until_end.enter_context(site.portal("stampede", environ))
        key, connection_ids = _backend_with_old_tokens(portal, repeats)
        log = site.folder / "stampede.log"
        address = until_end.enter_context(gunicorn("wsgi:app", portal.environ, log, workers=PROCESSES))
        slowest = [_slowest_s(address, key, one) for one in connection_ids]
        ledger = _ledger(provider)
    most_calls = Median("most calls for one connection", max(ledger.values()), "calls")
    yield Figure("stampede", site.kind, most_calls, Median("needed", 1, "calls"), at_most(1))
    last = Median(f"last of {CALLERS} answers", statistics.median(slowest[1:]) * 1000, "ms")
    yield Figure("stampede", site.kind, last, Median("provider", THINKS_S * 1000, "ms"), at_most(1.5))


def _slowest_s(address: Address, key: str, connection_id: UUID) -> float:
    request = calls.post(f"/api/v1/connections/{connection_id}/token", key=key)
    tally = calls.all_at_once(address, [request] * CALLERS)
    if tally.refusals:
        raise RuntimeError(f"{len(tally.refusals)} of {CALLERS} were refused, first {tally.refusals[0]!r}")
    return tally.slowest_s


@contextmanager
def _provider(folder: Path) -> Iterator[tuple[Address, dict[str, str]]]:
    """The slow provider running, and what configures it in a portal."""
    with listening() as listener:
        host, port = address = listener.getsockname()
        files = folder / "providers"
        files.mkdir(exist_ok=True)
        (files / "slow.toml").write_text(FILE.format(url=f"http://{host}:{port}"), encoding="utf-8")
        command = [sys.executable, "-m", "bench.slow_provider", str(listener.fileno()), str(THINKS_S)]
        with running(command, {}, folder / "provider.log", listener=listener):
            yield (
                address,
                {
                    "PORTAL_PROVIDERS_DIR": str(files),
                    "PORTAL_PROVIDER_SLOW_CLIENT_ID": "portal",
                    "PORTAL_PROVIDER_SLOW_CLIENT_SECRET": "slow-secret",
                    "PORTAL_ALLOWED_PRIVATE_HOSTS": f"{host}:{port}",
                },
            )


def _ledger(provider: Address) -> Mapping[str, int]:
    host, port = provider
    with urlopen(f"http://{host}:{port}/ledger") as answer:
        ledger: dict[str, int] = json.load(answer)
    return ledger


def _backend_with_old_tokens(portal: Portal, count: int) -> tuple[str, list[UUID]]:
    now = clock.now()
    with portal.app.app_context():
        organization_id = factories.make_organization("Acme", "acme", now=now)
        ana = factories.make_member(organization_id, "Ana Alvarez", "ana@acme.example", now=now)
        ended = now - timedelta(hours=2)
        connection_ids = [
            factories.make_connection(ana, provider_id="slow", refresh_token=f"refresh-{number}", now=ended)
            for number in range(count)
        ]
        _view, key = api_keys.create(Asker.command(organization_id), "backend", now=now)
        return key.reveal(), connection_ids
