"""A portal at work for each test: its own database, its own Redis at risk, a scripted mail server, a clock to move.

Ledgers decide here, the provider's and the mail server's, not what the portal says of itself.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

from portal import clock
from tests.demo_provider import DemoProvider
from tests.demo_provider import running as running_provider
from tests.faults import mail_server, redis_at_risk
from tests.faults import site as sites
from tests.faults.mail_server import MailServer
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import Site
from tests.fixtures.portal import PUBLIC_URL, SECRET_KEY, TOKEN_KEYS, migrate
from tests.servers import Databases

START = datetime(2027, 3, 1, 12, tzinfo=UTC)  # a Monday noon, before that spring's change of clocks
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


def sizes(small: object, full: object) -> pytest.MarkDecorator:
    """Runs a test with `size` at a small figure always, and at the promise's own in `make soak`."""
    full_run = pytest.param(full, marks=[pytest.mark.soak, pytest.mark.timeout(0)], id="full")
    return pytest.mark.parametrize("size", [pytest.param(small, id="small"), full_run])


@pytest.fixture
def database() -> str:
    """PostgreSQL, as in production, unless a test asks for both by parametrizing this."""
    return "postgresql"


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: str) -> Iterator[str]:
    server = {"sqlite": "sqlite_folder", "postgresql": "postgresql_server"}[database]
    databases: Databases = request.getfixturevalue(server)
    opened: AbstractContextManager[str] = databases.fresh(migrate)
    with opened as url:
        yield url


@pytest.fixture
def redis() -> Iterator[RedisAtRisk]:
    with redis_at_risk.running() as running:
        yield running


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server.running() as running:
        yield running


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The folder whose clock everybody follows, noon on a Monday."""
    folder = tmp_path / "instance"
    folder.mkdir()
    clock.move(folder / "clock-offset", START - datetime.now(UTC))
    return folder


@pytest.fixture
def environ(database_url: str, redis: RedisAtRisk, mail: MailServer, data_dir: Path) -> dict[str, str]:
    """The environment of all processes; fixtures add their providers to it before it is used."""
    return {
        "PORTAL_ENV": "test",
        "PORTAL_SECRET_KEY": SECRET_KEY,
        "PORTAL_TOKEN_KEYS": TOKEN_KEYS,
        "PORTAL_DATABASE_URL": database_url,
        "PORTAL_REDIS_URL": redis.url,
        "PORTAL_SMTP_URL": mail.url,
        "PORTAL_PUBLIC_URL": PUBLIC_URL,
        "PORTAL_DATA_DIR": str(data_dir),
        "PORTAL_TRUSTED_PROXIES": "1",
        "PORTAL_ALLOWED_PRIVATE_HOSTS": "127.0.0.1:9",
    }


@pytest.fixture
def provider(environ: dict[str, str], data_dir: Path) -> Iterator[DemoProvider]:
    """The demo's provider, on the portal's own clock and configured in it: ask for it before `site`."""
    with running_provider(data_dir) as provider:
        for slug in ("social", "video"):
            prefix = f"PORTAL_PROVIDER_DEMO_{slug.upper()}"
            environ[f"{prefix}_CLIENT_ID"] = f"reconsent-{slug}"
            environ[f"{prefix}_CLIENT_SECRET"] = f"demo-secret-of-reconsent-at-{slug}"
            environ[f"{prefix}_BASE_URL"] = f"{provider.url}/{slug}"
        environ["PORTAL_ALLOWED_PRIVATE_HOSTS"] += f",{provider.url.removeprefix('http://')}"
        yield provider


@pytest.fixture
def site(app: Flask, environ: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    """The portal's processes, none of them started yet, in the application context of a portal of this process."""
    folder = tmp_path / "processes"
    folder.mkdir()
    with ExitStack() as until_end:
        site = until_end.enter_context(sites.running(app, environ, folder))
        until_end.enter_context(app.app_context())
        yield site


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Full figures run when they are asked for by name, and not along with `-m postgresql`, say."""
    if "soak" in (config.option.markexpr or ""):
        return
    full = [item for item in items if item.get_closest_marker("soak")]
    if full:
        config.hook.pytest_deselected(items=full)
        items[:] = [item for item in items if item not in full]
