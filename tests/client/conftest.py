"""A portal that really listens, an API that accepts some tokens and refuses others, and backends of every kind."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
import requests
from flask import Flask
from werkzeug import Request, Response
from werkzeug.serving import make_server

from portal import clock
from portal.client import ReconsentAuth
from portal.services import api_keys
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.http_server import POLL_S, ScriptedServer

TIMEOUT_S = 20


@dataclass
class Served:
    """A portal that listens; `asked` are the calls it got, `answering` may answer in its place."""

    app: Flask
    url: str = ""
    asked: list[str] = field(default_factory=list)
    answering: Response | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.asked.append(environ["PATH_INFO"].rpartition("/")[2])
        return (self.answering or self.app)(environ, start_response)


@dataclass
class Api:
    """A provider's API: `accepted` tokens get 200, others 401; `seen` are the tokens, `bodies` what came with them."""

    url: str
    accepted: set[str]
    refusal: Response
    seen: list[str | None] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.bodies.append(request.get_data())
        self.seen.append(sent or None)
        return Response("welcome") if sent in self.accepted else self.refusal


@contextmanager
def listening(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=[POLL_S])
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(stub: StubProvider, app: Flask) -> Iterator[Served]:
    portal = Served(app)
    with listening(portal) as portal.url:
        yield portal


@pytest.fixture
def api() -> Iterator[Api]:
    with an_api() as api:
        yield api


@contextmanager
def an_api() -> Iterator[Api]:
    refusal = Response("expired", 401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    with ScriptedServer() as server:
        api = Api(server.url_for("/me"), {"access-1"}, refusal)
        server.expect_request("/me").respond_with_handler(api.answer)
        yield api


@pytest.fixture
def ana_stub(served: Served, world: World) -> UUID:
    """Ana's connection at the stub, with a token of an hour."""
    with served.app.app_context():
        return make_connection(world.ana, provider_id="stub", now=clock.now())


@pytest.fixture
def key(served: Served, world: World) -> str:
    with served.app.app_context():
        return api_keys.create(world.chloe.asker, "Archive", now=clock.now())[1].reveal()


@pytest.fixture
def auth(served: Served, key: str, ana_stub: UUID) -> ReconsentAuth:
    return ReconsentAuth(served.url, key, ana_stub)


Send = Callable[..., tuple[int, str]]


def _with_requests(auth: ReconsentAuth, url: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
    answer = requests.request(method, url, data=body, auth=auth, timeout=TIMEOUT_S)
    return answer.status_code, answer.text


def _with_httpx(auth: ReconsentAuth, url: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
    answer = httpx.request(method, url, content=body, auth=auth, timeout=TIMEOUT_S, follow_redirects=True)
    return answer.status_code, answer.text


def _with_async_httpx(auth: ReconsentAuth, url: str, method: str = "GET", body: Any = None) -> tuple[int, str]:
    async def send() -> httpx.Response:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True) as client:
            return await client.request(method, url, content=body, auth=auth)

    answer = asyncio.run(send())
    return answer.status_code, answer.text


@pytest.fixture(params=[_with_requests, _with_httpx, _with_async_httpx], ids=["requests", "httpx", "async-httpx"])
def send(request: pytest.FixtureRequest) -> Send:
    """A backend's request, once with each library."""
    return request.param
