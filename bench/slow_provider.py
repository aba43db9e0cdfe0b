"""A provider's token endpoint that thinks for a while, and keeps a ledger of the refresh tokens it has seen.

`python -m bench.slow_provider <listening socket's number> <seconds>`; `GET /ledger` tells how often each token came.
It runs in a process of its own and works little, so that it is never what a measurement waits for.
"""

import asyncio
import json
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs
from urllib.request import urlopen

from bench.calls import END_OF_HEADERS, is_whole
from bench.processes import Address, listening, running

CLIENT_ID, CLIENT_SECRET = "portal", "slow-secret"
FILE = """
schema = 1
id = "slow"
name = "Slow"

[authorize]
url = "{url}/authorize"
pkce = "S256"
scope = {{ default = ["read"] }}

[token]
url = "{url}/token"
auth = "post"

[refresh]
rotation = "rotating"
grace_s = 0

[clocks]
human_at = "refresh_absolute"

[identity]
source = "userinfo"
userinfo = {{ url = "{url}/me", subject = "/id", label = "/name" }}
"""


@dataclass(frozen=True, slots=True)
class SlowProvider:
    """The provider at its address, and what configures it in a portal."""

    address: Address
    environ: Mapping[str, str]


@contextmanager
def slow_provider(folder: Path, *, thinks_s: float) -> Iterator[SlowProvider]:
    """The provider, running."""
    with listening() as listener:
        host, port = address = listener.getsockname()
        files = folder / "providers"
        files.mkdir(exist_ok=True)
        (files / "slow.toml").write_text(FILE.format(url=f"http://{host}:{port}"), encoding="utf-8")
        command = [sys.executable, "-m", "bench.slow_provider", str(listener.fileno()), str(thinks_s)]
        environ = {
            "PORTAL_PROVIDERS_DIR": str(files),
            "PORTAL_PROVIDER_SLOW_CLIENT_ID": CLIENT_ID,
            "PORTAL_PROVIDER_SLOW_CLIENT_SECRET": CLIENT_SECRET,
            "PORTAL_ALLOWED_PRIVATE_HOSTS": f"{host}:{port}",
        }
        with running(command, {}, folder / "provider.log", listener=listener):
            yield SlowProvider(address, environ)


def ledger(provider: Address) -> Mapping[str, int]:
    """How often each refresh token came."""
    host, port = provider
    with urlopen(f"http://{host}:{port}/ledger") as answer:
        found: dict[str, int] = json.load(answer)
    return found


class Conversation(asyncio.Protocol):
    """One connection, one request after the other: a new pair of tokens for whatever refresh token is shown, late."""

    def __init__(self, seen: Counter[str], thinks_s: float) -> None:
        self._seen, self._thinks_s = seen, thinks_s
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not is_whole(self._received):
            return
        head, _, body = self._received.partition(END_OF_HEADERS)
        self._received = b""
        if head.startswith(b"GET"):
            self._answer(json.dumps(self._seen).encode())
        else:
            answer = self._refreshed(parse_qs(body.decode("ascii"))["refresh_token"][0])
            asyncio.get_running_loop().call_later(self._thinks_s, self._answer, answer)

    def _refreshed(self, given: str) -> bytes:
        self._seen[given] += 1
        stem, _, number = given.rpartition(".")
        tokens = {"access_token": f"access-{given}", "refresh_token": f"{stem}.{int(number) + 1}"}
        return json.dumps(tokens | {"token_type": "Bearer", "expires_in": 3600}).encode()

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode("ascii") + body)


async def _serve(listener: socket.socket, thinks_s: float) -> None:
    seen: Counter[str] = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Conversation(seen, thinks_s), sock=listener)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])))
