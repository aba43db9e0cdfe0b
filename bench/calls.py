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


def is_whole(received: bytes) -> bool:
    """Whether an answer that states its length has come to its end."""
    head, found, body = received.partition(END_OF_HEADERS)
    return bool(found) and len(body) >= stated_length(head)


async def connected(address: Address) -> "Caller":
    """One kept connection to the server."""
    _transport, caller = await asyncio.get_running_loop().create_connection(Caller, *address)
    return caller


async def _for_a_while(address: Address, requests: Sequence[bytes], width: int, seconds: float) -> Tally:
    tally = Tally()
    began = perf_counter()
    until = began + seconds
    callers = (_ask_until(address, requests[number::width], until, tally) for number in range(width))
    await asyncio.gather(*callers)
    tally.took_s = perf_counter() - began
    return tally


async def _ask_until(address: Address, requests: Sequence[bytes], until: float, tally: Tally) -> None:
    caller = await connected(address)
    number = 0
    while perf_counter() < until:
        if caller.is_closed:
            caller = await connected(address)
        _count(tally, await caller.ask(requests[number % len(requests)]))
        number += 1
    caller.close()


def _count(tally: Tally, answer: bytes) -> None:
    if answer.startswith(b"HTTP/1.1 200 "):
        tally.answers += 1
    else:
        tally.refusals.append(answer)


class Caller(asyncio.Protocol):
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
        if self._answer and not self._answer.done() and is_whole(self._received):
            self.is_closed = b"connection: close" in self._received.partition(END_OF_HEADERS)[0].lower()
            self._answer.set_result(self._received)

    def connection_lost(self, _error: Exception | None) -> None:
        self.is_closed = True
        if self._answer and not self._answer.done():
            self._answer.set_result(self._received or b"the connection was closed")


def stated_length(head: bytes) -> int:
    lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in lines if name == b"content-length"), 0)
