"""A backend that calls over HTTP: many kept connections in one process, each asking again as soon as it is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import cast

from bench.processes import Address

END_OF_HEADERS = b"\r\n\r\n"


@dataclass
class Tally:
    """What a number of calls came to."""

    answers: int = 0
    refusals: list[bytes] = field(default_factory=list)
    slowest_s: float = 0.0
    took_s: float = 0.0

    @property
    def a_second(self) -> float:
        return self.answers / self.took_s


def post(path: str, *, key: str) -> bytes:
    """A POST without a body, as bytes."""
    headers = ("Host: 127.0.0.1", f"Authorization: Bearer {key}", "Content-Length: 0", "Accept: application/json")
    return "\r\n".join((f"POST {path} HTTP/1.1", *headers, "", "")).encode("ascii")


def for_a_while(address: Address, requests: Sequence[bytes], *, width: int, seconds: float) -> Tally:
    """Ask over `width` kept connections for so long, going round the requests."""
    return asyncio.run(_for_a_while(address, requests, width, seconds))


def all_at_once(address: Address, requests: Sequence[bytes]) -> Tally:
    """Send every request at the same moment, each over a connection of its own."""
    return asyncio.run(_all_at_once(address, requests))


async def _for_a_while(address: Address, requests: Sequence[bytes], width: int, seconds: float) -> Tally:
    tally = Tally()
    began = perf_counter()
    until = began + seconds
    callers = (_ask_until(address, requests[number::width], until, tally) for number in range(width))
    await asyncio.gather(*callers)
    tally.took_s = perf_counter() - began
    return tally


async def _all_at_once(address: Address, requests: Sequence[bytes]) -> Tally:
    tally = Tally()
    began = perf_counter()
    await asyncio.gather(*(_ask_once(address, request, tally, began) for request in requests))
    tally.took_s = perf_counter() - began
    return tally


async def _ask_until(address: Address, requests: Sequence[bytes], until: float, tally: Tally) -> None:
    caller = await _connected(address)
    number = 0
    while perf_counter() < until:
        if caller.is_closed:
            caller = await _connected(address)
        _count(tally, await caller.ask(requests[number % len(requests)]))
        number += 1
    caller.close()


async def _ask_once(address: Address, request: bytes, tally: Tally, began: float) -> None:
    caller = await _connected(address)
    _count(tally, await caller.ask(request))
    tally.slowest_s = max(tally.slowest_s, perf_counter() - began)
    caller.close()


def _count(tally: Tally, answer: bytes) -> None:
    if answer.startswith(b"HTTP/1.1 200 "):
        tally.answers += 1
    else:
        tally.refusals.append(answer)


async def _connected(address: Address) -> "_Caller":
    _transport, caller = await asyncio.get_running_loop().create_connection(_Caller, *address)
    return caller


class _Caller(asyncio.Protocol):
    """One connection: the least HTTP that understands our servers' answers, which all state their length."""

    def __init__(self) -> None:
        self.is_closed = False
        self._transport: asyncio.Transport
        self._received = b""
        self._answer: asyncio.Future[bytes] | None = None

    def ask(self, request: bytes) -> "asyncio.Future[bytes]":
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(END_OF_HEADERS)
        if found and self._answer and not self._answer.done() and len(body) >= _length(head):
            self.is_closed = b"connection: close" in head.lower()
            self._answer.set_result(self._received)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_closed = True
        if self._answer and not self._answer.done():
            self._answer.set_result(self._received or b"the connection was closed")


def _length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), 0)
