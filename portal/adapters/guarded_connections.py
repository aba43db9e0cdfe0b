"""Connections that only go where they may: the address that was checked is the address that is connected to.

A host's name is looked up once, when a connection is made; all its addresses are checked and the socket is opened to
one of those very addresses, so an answer that changes between check and use changes nothing. Name checks of TLS and
the Host header still see the name. A kept connection stays with the address it was checked for.
"""

import io
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPResponse
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, cast

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from portal.adapters.addresses import is_outside

LEAST_WAIT_S = 0.001

Resolve = Callable[[str, int], Sequence[str]]


class AddressRefused(Exception):
    """The host lies, or resolves to something that lies, where outgoing requests must not go."""


class Guard:
    """Decides for every new connection whether and to which address it may be made."""

    def __init__(self, private_hosts: frozenset[str], resolve: Resolve) -> None:
        self.private_hosts = private_hosts
        self._resolve = resolve

    def is_private_host(self, host: str, port: int) -> bool:
        """Whether the operator allows this host although it is private; only such a host may be spoken to over http."""
        name = host.strip("[]").lower()
        return f"{f'[{name}]' if ':' in name else name}:{port}" in self.private_hosts

    def addresses(self, host: str, port: int, *, timeout: float) -> Sequence[str]:
        """The checked addresses of the host; raises AddressRefused, TimeoutError, or OSError for an unknown name."""
        found = _in_time(partial(self._resolve, host.strip("[]"), port), timeout)
        if not found:
            raise OSError("the name has no address")
        if not self.is_private_host(host, port) and not all(is_outside(address) for address in found):
            raise AddressRefused(f"{host} is an address inside a private network")
        return found


def resolve(host: str, port: int) -> Sequence[str]:
    """The numeric addresses the system knows for a name, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _in_time(look_up: Callable[[], Sequence[str]], timeout: float) -> Sequence[str]:
    """The system's look-up knows no time-out of its own, so it runs beside us and may be left behind."""
    answers: SimpleQueue[Sequence[str] | OSError] = SimpleQueue()
    Thread(target=_answer, args=(look_up, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except Empty:
        raise TimeoutError("the name was not found in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _answer(look_up: Callable[[], Sequence[str]], answers: "SimpleQueue[Sequence[str] | OSError]") -> None:
    try:
        answers.put(look_up())
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else OSError("not a host name"))


class _TimedRead(io.RawIOBase):
    """A socket's incoming side that gives up at one moment, however slowly the bytes drip."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)  # keeps the socket open until the answer has been read
        self._end = monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not come in time")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(HTTPResponse):
    """An answer whose head and body must both have come when the time set on its socket is over."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedRead(sock))


class GuardedConnection(HTTPConnection):
    """Makes its socket through the guard."""

    response_class = _TimedResponse
    kept_until = 0.0  # of the monotonic clock: it must not be used again later

    def __init__(self, *args: Any, guard: Guard, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard
        self._held_back: list[bytes] = []
        self._is_holding_back = False

    def ask(  # a request line, its headers and its body
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, *, end: float
    ) -> HTTPResponse:
        """Send a request and wait for the head of its answer, until the moment `end`; the body is left to be read."""
        self.timeout = max(LEAST_WAIT_S, end - monotonic())
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        self._send_at_once(lambda: PlainConnection.request(self, method, target, body, headers))
        self.sock.settimeout(max(LEAST_WAIT_S, end - monotonic()))
        return PlainConnection.getresponse(self)

    @property
    def is_open(self) -> bool:
        """Whether neither side has ended it, as far as is known."""
        return self.sock is not None

    def send(self, data: Any) -> None:
        if self._is_holding_back:
            self._held_back.append(data)
        else:
            super().send(data)

    def _send_at_once(self, write: Callable[[], None]) -> None:
        """Head and body in one piece: two would cost both sides twice the work."""
        self._is_holding_back = True
        try:
            write()
        finally:
            self._is_holding_back = False
            held_back, self._held_back = b"".join(self._held_back), []
        self.send(held_back)

    def _new_conn(self) -> socket.socket:
        if not self._may_speak():
            raise AddressRefused(f"{self.host} may only be spoken to over https")
        end = monotonic() + float(cast("float", self.timeout))
        return self._connect(self._addresses(end), end)

    def _may_speak(self) -> bool:
        return self._guard.is_private_host(self.host, self.port)

    def _addresses(self, end: float) -> Sequence[str]:
        try:
            return self._guard.addresses(self.host, self.port, timeout=max(LEAST_WAIT_S, end - monotonic()))
        except TimeoutError as error:
            raise ConnectTimeoutError(self, str(error)) from error
        except OSError as error:
            raise NameResolutionError(self.host, self, cast("socket.gaierror", error)) from error

    def _connect(self, addresses: Sequence[str], end: float) -> socket.socket:
        failure: OSError = TimeoutError("no address answered in time")
        for address in addresses:
            left = end - monotonic()
            if left <= 0:
                break
            try:
                return _opened(address, self.port, left)
            except OSError as error:
                failure = error
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, str(failure)) from failure
        raise NewConnectionError(self, str(failure)) from failure


def _opened(address: str, port: int, timeout: float) -> socket.socket:
    opened = socket.create_connection((address, port), timeout)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


class GuardedTlsConnection(GuardedConnection, HTTPSConnection):
    """The same under TLS, whose certificate must be the name's and whose peer may be anybody outside."""

    def _may_speak(self) -> bool:
        return True
