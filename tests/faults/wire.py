"""A wire between the portal and the demo's provider: what the provider has answered can be held back on it."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from portal.providers import catalog
from tests.demo_provider import TIMEOUT_S, DemoProvider
from tests.http_server import ScriptedServer

BUILT_IN = Path(catalog.__file__).parent / "demo-social.toml"


class Wire:
    """Passes token requests on; while `hold` is called for, answers wait on it after the provider has done its work."""

    def __init__(self, provider: DemoProvider, server: HTTPServer) -> None:
        self._provider = provider
        self.address = f"{server.host}:{server.port}"
        self._may_pass, self._is_held = threading.Event(), threading.Event()
        self._may_pass.set()
        server.expect_request("/token").respond_with_handler(self._pass_on)

    def hold(self) -> None:
        self._is_held.clear()
        self._may_pass.clear()

    def wait_until_held(self) -> None:
        assert self._is_held.wait(TIMEOUT_S), "no token request came"

    def let_go(self) -> None:
        self._may_pass.set()

    def write_file(self, folder: Path, *, grace_s: int) -> None:
        """The built-in provider's file with its token endpoint at this end of the wire, and that grace."""
        folder.mkdir()
        text = BUILT_IN.read_text(encoding="utf-8").replace("[token]", f'[token]\nurl = "http://{self.address}/token"')
        (folder / BUILT_IN.name).write_text(re.sub(r"grace_s = \d+", f"grace_s = {grace_s}", text), encoding="utf-8")

    def _pass_on(self, request: Request) -> Response:
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type")}
        address = f"{self._provider.url}/social/token"
        try:
            answer = requests.post(address, data=request.get_data(), headers=headers, timeout=TIMEOUT_S)
        except requests.ConnectionError:  # lost there, so it is lost here
            request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response()
        if not self._may_pass.is_set():
            self._is_held.set()
            self._may_pass.wait(TIMEOUT_S)
        return Response(answer.content, answer.status_code, content_type=answer.headers["Content-Type"])


@contextmanager
def stretched_to(provider: DemoProvider) -> Iterator[Wire]:
    with ScriptedServer() as server:
        yield Wire(provider, server)
