"""A provider's token endpoint that thinks for a while, and keeps a ledger of the refresh tokens it has seen.

`python -m bench.slow_provider <listening socket's number> <seconds>`; `GET /ledger` tells how often each token came.
"""

import json
import socket
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

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


class Provider(ThreadingHTTPServer):
    """Gives a new pair of tokens for whatever refresh token it is shown, late."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, thinks_s: float) -> None:
        super().__init__(listener.getsockname(), TokenEndpoint, bind_and_activate=False)
        self.socket = listener
        self.thinks_s = thinks_s
        self.ledger: Counter[str] = Counter()


class TokenEndpoint(BaseHTTPRequestHandler):
    """`POST /token` and `GET /ledger`."""

    server: Provider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        given = form["refresh_token"][0]
        self.server.ledger[given] += 1
        time.sleep(self.server.thinks_s)
        tokens = {"access_token": f"new-{given}", "refresh_token": f"next-{given}"}
        self._answer(tokens | {"token_type": "Bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        self._answer(self.server.ledger)

    def log_message(self, *_arguments: object) -> None:
        """Silence."""

    def _answer(self, content: dict[str, object] | Counter[str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Provider(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2])).serve_forever()
