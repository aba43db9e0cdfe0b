"""Outgoing HTTP, guarded: only outside, only https, no redirects, and an end to time and size.

What providers, webhooks and discovery documents name as addresses comes from files and people, so each request is
treated as if an enemy had chosen its target (promise: private, link-local, metadata and rebinding addresses get no
packet). Proxy settings of the environment are ignored, since a proxy would connect where we cannot look.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from http.client import HTTPException, HTTPResponse
from time import monotonic
from types import MappingProxyType

from urllib3.exceptions import ConnectTimeoutError, HTTPError
from urllib3.util import parse_url

from portal.adapters import kept_connections
from portal.adapters.guarded_connections import AddressRefused, Guard, Resolve, resolve
from portal.adapters.kept_connections import KeptConnections
from portal.providers.checks import address_fault
from portal.rules.answers import Answer
from portal.rules.verdicts import Phase

DEADLINE = timedelta(seconds=10)
MAX_BODY_BYTES = 1024 * 1024
USUAL_HEADERS = MappingProxyType(
    {"User-Agent": "Reconsent", "Accept": "application/json", "Accept-Encoding": "identity"}
)

logging.getLogger("urllib3").setLevel(logging.ERROR)  # below that it writes down addresses with their queries


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent."""

    url: str = field(repr=False)  # some providers take secrets in it
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class NoAnswer(Answer):
    """No usable answer came; `is_refused` when it was we who would not send or read on."""

    reason: str = "no response"
    is_refused: bool = False


class Web:
    """Sends requests for one set of allowed private hosts; shared by the threads of a process.

    Nothing is kept from one request to the next but connections: no cookies, and no setting of the environment counts.
    """

    def __init__(
        self, private_hosts: frozenset[str] = frozenset(), *, resolve: Resolve = resolve, ca_file: str | None = None
    ) -> None:
        self.guard = Guard(private_hosts, resolve)
        self._connections = KeptConnections(self.guard, ca_file)

    def send(self, request: Request, *, phase: Phase = Phase.API, deadline: timedelta = DEADLINE) -> Answer:
        """The answer to the request, or NoAnswer; `deadline` covers all of it, from the look-up of the name on."""
        fault = address_fault(request.url, private_hosts=self.guard.private_hosts)
        if fault:
            return NoAnswer(phase, reason=f"the address {fault}", is_refused=True)
        try:
            return self._send(request, phase, deadline.total_seconds())
        except AddressRefused as error:
            return NoAnswer(phase, reason=str(error), is_refused=True)
        except (TimeoutError, ConnectTimeoutError):
            return NoAnswer(phase, reason="no answer in time")
        except (HTTPException, HTTPError, OSError, ValueError) as error:
            return NoAnswer(phase, reason=f"no answer ({type(error).__name__})")

    def _send(self, request: Request, phase: Phase, seconds: float) -> Answer:
        end, url = monotonic() + seconds, parse_url(request.url)
        headers = {**USUAL_HEADERS, **request.headers}
        with self._connections.one_to(url) as connection:
            response = connection.ask(request.method, url.request_uri, headers, request.body, end=end)
            body = _body(response, end)
            if not response.isclosed():  # nobody reads the rest
                response.close()
                connection.close()
        if body is None:
            return NoAnswer(phase, reason="an answer larger than 1 MB")
        return Answer(phase, response.status, kept_connections.headers_of(response), body)


def _body(response: HTTPResponse, end: float) -> bytes | None:
    """The body up to the size limit, None beyond it; what a server compresses unasked counts by its full size."""
    body = bytearray()
    for piece in kept_connections.pieces_of(response, end):
        body += piece
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


@cache
def outgoing(private_hosts: frozenset[str]) -> Web:
    """This process's web for these allowed private hosts, its connections kept from call to call."""
    return Web(private_hosts)


os.register_at_fork(after_in_child=outgoing.cache_clear)  # two processes must never share a socket
