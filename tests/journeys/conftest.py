"""The demo's provider as a process of its own, a portal that knows it, and a browser that goes to and fro."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask

from portal import clock
from portal.services import connections
from tests.demo_provider import DemoProvider, running
from tests.factories import Person, World
from tests.page import Page

TIMEOUT_S = 20


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProvider]:
    with running(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(provider_process: DemoProvider) -> DemoProvider:
    """An honest provider with an empty ledger and nobody's grants."""
    provider_process.reset()
    for slug in ("social", "video"):
        provider_process.control(f"{slug}/revoke")
    provider_process.control("reset")
    return provider_process


@pytest.fixture
def environ(environ: dict[str, str], provider: DemoProvider) -> dict[str, str]:
    """A portal whose two demo providers are the running ones."""
    for slug in ("social", "video"):
        prefix = f"PORTAL_PROVIDER_DEMO_{slug.upper()}"
        environ[f"{prefix}_CLIENT_ID"] = f"reconsent-{slug}"
        environ[f"{prefix}_CLIENT_SECRET"] = f"demo-secret-of-reconsent-at-{slug}"
        environ[f"{prefix}_BASE_URL"] = f"{provider.url}/{slug}"
    environ["PORTAL_ALLOWED_PRIVATE_HOSTS"] = urlsplit(provider.url).netloc
    return environ


QUERIES_OF_A_DISPLACEMENT = 30  # both sides, their reminders, counts and events, in one transaction


@dataclass
class Traveller:
    """Somebody at the portal who is sent to the provider and comes back."""

    page: Page
    provider: DemoProvider
    slug: str = "social"

    def __post_init__(self) -> None:
        self.page.most_queries = QUERIES_OF_A_DISPLACEMENT

    def consent(self, button: str, sub: str, *, status: int = 200, nth: int = 0, **answer: object) -> Page:
        """Press the button, consent as this login (with `scopes`, `accounts` or `deny`) and come back."""
        return self.come_back(self.go(button, sub, nth=nth, **answer), status=status)

    def connect(self, sub: str, *, nickname: str = "", **answer: object) -> Page:
        """A new connection at the provider, from the list."""
        self.page.get("/connections/new")
        self.provider.control(f"{self.slug}/next-consent", sub=sub, **answer)
        self.page.submit("Connect", follow=False, status=303, provider=f"demo-{self.slug}", nickname=nickname)
        return self.come_back(self.approve(self.page.location))

    def go(self, button: str, sub: str, *, nth: int = 0, **answer: object) -> str:
        """Press the button and consent; returns the address the provider sends the browser back to."""
        self.provider.control(f"{self.slug}/next-consent", sub=sub, **answer)
        self.page.submit(button, follow=False, status=303, nth=nth)
        return self.approve(self.page.location)

    def approve(self, approval_url: str) -> str:
        """What the provider answers on its approval page, with the consent that was given in advance."""
        assert approval_url.startswith(self.provider.url), approval_url
        answer = requests.get(approval_url, allow_redirects=False, timeout=TIMEOUT_S)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def come_back(self, address: str, *, status: int = 200, page: Page | None = None) -> Page:
        """Follow the provider's redirect to the portal."""
        parts = urlsplit(address)
        return (page or self.page).get(f"{parts.path}?{parts.query}", status=status)

    def living(self, sub: str) -> int:
        """How many grants of this login have not ended at the provider."""
        address = f"{self.provider.url}/control/api/{self.slug}/grants"
        found = self.provider.http.get(address, params={"sub": sub}, timeout=TIMEOUT_S)
        return len([grant for grant in found.json()["grants"] if grant["ended_at"] is None])


@pytest.fixture
def traveller(page: Page, provider: DemoProvider, world: World) -> Traveller:
    """Ana, signed in, at the provider with rotating refresh tokens."""
    return Traveller(page.sign_in(world.ana), provider)


@pytest.fixture
def another(app: Flask, provider: DemoProvider) -> Callable[[Person], Traveller]:
    """Makes further travellers: `another(world.ben)`."""
    return lambda person: Traveller(Page(app).sign_in(person), provider)


@pytest.fixture
def finish_revocations(app: Flask) -> Callable[[], int]:
    """The tick that tries revocations again."""

    def tick() -> int:
        with app.app_context():
            return connections.finish_revocations(now=clock.now())

    return tick
