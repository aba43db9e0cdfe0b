"""Connections to providers that wait for their next request, and one exchange over one of them.

What urllib3 knows about making a connection is used, and Python's own reading of answers. urllib3's pools, its answers
and `requests` around them would each cost as much as the exchange itself, a thousand times a second when many tokens
are due.
"""

import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse, IncompleteRead
from ssl import SSLContext
from time import monotonic

import certifi
from urllib3 import HTTPHeaderDict
from urllib3 import HTTPResponse as DecodedResponse
from urllib3.util import Url
from urllib3.util.ssl_ import create_urllib3_context

from portal.adapters.guarded_connections import Guard, GuardedConnection, GuardedTlsConnection

KEPT_OF_ONE = 64  # as many as threads that call one provider at once
KEPT_PLACES = 256
KEPT_S = 4.0  # Node and Apache close after 5, and firewalls forget without a word: each would cost a request
PIECE_BYTES = 65536

Origin = tuple[str, str, int]
"""Scheme, host and port."""


class KeptConnections:
    """Guarded connections, the one used last first; shared by the threads of a process.

    Certificates must be signed by an authority that browsers trust, or by those in `ca_file`.
    """

    def __init__(
        self, guard: Guard, ca_file: str | None = None, *, places: int = KEPT_PLACES, kept_s: float = KEPT_S
    ) -> None:
        self._guard, self._places, self._kept_s = guard, places, kept_s
        self._tls = _trusting(ca_file or certifi.where())
        self._lock = threading.Lock()
        self._idle: OrderedDict[Origin, list[GuardedConnection]] = OrderedDict()
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def one_to(self, url: Url) -> Iterator[GuardedConnection]:
        """A connection for one exchange, kept afterwards unless one of us has closed it or anything went wrong."""
        origin = _origin(url)
        connection = self._open(origin)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if connection.is_open:
            self._keep(origin, connection)

    def _open(self, origin: Origin) -> GuardedConnection:
        """One that was used a moment ago and is not ended, else a new one, which connects when it is first used."""
        while (kept := self._latest(origin)) is not None:
            if monotonic() < kept.kept_until and kept.is_connected:
                return kept
            kept.close()
        scheme, host, port = origin
        if scheme == "https":
            return GuardedTlsConnection(host, port, guard=self._guard, ssl_context=self._tls)
        return GuardedConnection(host, port, guard=self._guard)

    def _keep(self, origin: Origin, connection: GuardedConnection) -> None:
        left_out = [connection]
        connection.kept_until = monotonic() + self._kept_s
        with self._lock:
            idle = self._idle.setdefault(origin, [])
            self._idle.move_to_end(origin)
            if len(idle) < KEPT_OF_ONE:
                idle.append(left_out.pop())
            if len(self._idle) > self._places:
                left_out += self._idle.popitem(last=False)[1]
        for one in left_out:
            one.close()

    def _latest(self, origin: Origin) -> GuardedConnection | None:
        with self._lock:
            idle = self._idle.get(origin)
            return idle.pop() if idle else None


def pieces_of(response: HTTPResponse, end: float) -> Iterator[bytes]:
    """The body bit by bit, decompressed where the server compressed it unasked, until the moment `end`.

    Raises TimeoutError after it, and IncompleteRead where the server stops before the length it has stated.
    """
    pieces = _decoded(response) if response.getheader("Content-Encoding") else _plain(response)
    for piece in pieces:
        yield piece
        if monotonic() > end:
            raise TimeoutError("the answer did not come in time")


def headers_of(response: HTTPResponse) -> dict[str, str]:
    """The headers, those that came several times in one."""
    items = response.headers.items()
    plain = dict(items)
    return plain if len(plain) == len(items) else dict(HTTPHeaderDict(items))


def _plain(response: HTTPResponse) -> Iterator[bytes]:
    while piece := response.read(PIECE_BYTES):
        yield piece
    if response.length:
        raise IncompleteRead(b"", response.length)


def _decoded(response: HTTPResponse) -> Iterator[bytes]:
    headers = HTTPHeaderDict(response.headers.items())
    return DecodedResponse(response, headers=headers, preload_content=False).stream(PIECE_BYTES, decode_content=True)


def _close_all(idle: Mapping[Origin, Sequence[GuardedConnection]]) -> None:
    for connections in idle.values():
        for one in connections:
            one.close()


def _origin(url: Url) -> Origin:
    scheme = url.scheme or ""
    return scheme, (url.host or "").strip("[]"), url.port or (443 if scheme == "https" else 80)


def _trusting(authorities: str) -> SSLContext:
    """Read once: it takes longer than any exchange."""
    context = create_urllib3_context()
    context.load_verify_locations(authorities)
    return context
