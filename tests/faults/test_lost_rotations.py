"""The provider has rotated and we never heard: recovered while it still honours the old token, told truly where not."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis import Redis
from rq import Worker

from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault
from portal.services import refusals, token_store
from portal.services.token_store import StoredGrant
from tests.demo_provider import Client, DemoProvider
from tests.factories import Person, make_world
from tests.faults import grants, wire
from tests.faults.conftest import sizes
from tests.faults.mail_server import MailServer
from tests.faults.processes import Process
from tests.faults.site import Site
from tests.faults.wire import Wire
from tests.patience import eventually

GRACE = timedelta(seconds=30)
TOLD_WITHIN = timedelta(seconds=60)
REFRESH_IS_DUE = timedelta(minutes=50)
SIXTY_DAYS = timedelta(days=60)


@pytest.fixture(params=[30, 0], ids=["with a grace", "without a grace"])
def grace_s(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def line(environ: dict[str, str], provider: DemoProvider, tmp_path: Path, grace_s: int) -> Iterator[Wire]:
    """The wire to a provider that has that grace, and whose file says so: ask for it before `site`."""
    provider.control("social/knobs", grace_s=grace_s)
    with wire.stretched_to(provider) as line:
        line.write_file(tmp_path / "providers", grace_s=grace_s)
        environ["PORTAL_PROVIDERS_DIR"] = str(tmp_path / "providers")
        environ["PORTAL_ALLOWED_PRIVATE_HOSTS"] += f",{line.address}"
        yield line


def stored(connection_id: UUID) -> StoredGrant:
    grant = token_store.read(connection_id)
    assert grant is not None
    return grant


def working(site: Site) -> Process:
    """A worker that has got to work: while it starts, the portal's time shall not run faster than its own."""
    worker = site.worker()
    with closing(Redis.from_url(site.environ["PORTAL_REDIS_URL"])) as redis:
        assert eventually(lambda: worker.pid in {one.pid for one in Worker.all(connection=redis)})
    return worker


def connect(provider: DemoProvider, site: Site, who: Person, sub: str) -> UUID:
    return grants.connect(provider, who, sub, ends_in=SIXTY_DAYS, now=site.now())


def check_outcome(site: Site, provider: DemoProvider, connection_id: UUID, sub: str, *, grace_s: int) -> None:
    """Inside the grace nobody notices anything; without one the person is called for, with the true reason."""
    lost_at = site.now()
    allowed = GRACE if grace_s else TOLD_WITHIN

    def is_settled() -> bool:
        grant = stored(connection_id)
        return grant.generation > 1 if grace_s else grant.state is ConnectionState.NEEDS_RECONSENT

    took = site.pass_time(is_settled, by=timedelta(seconds=4), at_most=allowed)
    assert took is not None, (site.now() - lost_at, stored(connection_id), provider.ledger(sub=sub))
    grant = stored(connection_id)
    if grace_s:
        token = grant.secret("access_token")
        assert token is not None
        assert Client(provider).get("userinfo", token.reveal()).status_code == 200, "a token that works"
        assert provider.counts(sub=sub) == {"issue:ok": 1, "refresh:ok": 1, "refresh:grace": 1}
        assert token_store.stop(grant, Fault.REVOKED), "the next one's fault shall not meet this one's next refresh"
    else:
        assert grant.state_reason == refusals.INTERRUPTED


@sizes(1, 25)
def test_a_worker_killed_with_the_answer_on_its_way(
    line: Wire, provider: DemoProvider, site: Site, mail: MailServer, grace_s: int, size: int
):
    ana = make_world(now=site.now()).ana
    worker, scheduler = site.worker(), site.scheduler()
    for number in range(size):
        sub = f"ana-{number}"
        connection_id = connect(provider, site, ana, sub)
        line.hold()
        site.move_clock(REFRESH_IS_DUE)
        line.wait_until_held()
        worker.kill()
        line.let_go()
        worker = working(site)
        check_outcome(site, provider, connection_id, sub, grace_s=grace_s)
    assert scheduler.is_running
    notices = 0 if grace_s else size
    assert eventually(lambda: len(mail.ledger) == notices, within_s=30)
    assert {one.kind for one in mail.ledger} <= {"final_notice"}


@sizes(1, 25)
def test_an_answer_lost_on_its_way(line: Wire, provider: DemoProvider, site: Site, grace_s: int, size: int):
    ana = make_world(now=site.now()).ana
    site.worker(), site.scheduler()
    for number in range(size):
        sub = f"ana-{number}"
        connection_id = connect(provider, site, ana, sub)
        provider.control("social/fail", kind="answer_lost", on="refresh", times=1)
        site.move_clock(REFRESH_IS_DUE)
        assert eventually(lambda sub=sub: provider.counts(sub=sub).get("refresh:ok"), within_s=30)
        check_outcome(site, provider, connection_id, sub, grace_s=grace_s)
