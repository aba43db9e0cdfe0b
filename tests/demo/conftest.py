from collections.abc import Iterator

import pytest

from tests.demo_person import Person
from tests.demo_provider import Client, DemoProvider, running


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProvider]:
    """One provider for all tests of a worker: each leaves its knobs turned, so each begins with a reset."""
    with running(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture
def provider(provider_process: DemoProvider) -> DemoProvider:
    provider_process.reset()
    provider_process.http.cookies.clear()
    return provider_process


@pytest.fixture
def social(provider: DemoProvider) -> Client:
    """A client of the provider with rotating refresh tokens."""
    return Client(provider, "social")


@pytest.fixture
def video(provider: DemoProvider) -> Client:
    """A client of the provider with static refresh tokens."""
    return Client(provider, "video")


@pytest.fixture
def person(social: Client) -> Person:
    """Somebody who has never been at the provider with rotating refresh tokens."""
    return Person(social)
