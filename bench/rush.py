"""Everybody at once: as many requests as there are, each over a connection of its own, with the least work of ours.

Plain sockets and one selector: a client that takes long to send would spread out the very rush it is to make.
"""

import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import monotonic

from bench.calls import is_whole
from bench.processes import Address

GIVES_UP_AFTER_S = 30.0


@dataclass
class Rush:
    """When it began and was over, by the machine's monotonic clock, and what did not end well."""

    began: float
    over: float = 0.0
    refusals: list[bytes] = field(default_factory=list)

    @property
    def slowest_s(self) -> float:
        """From the first request's beginning to the last answer's end."""
        return self.over - self.began


def all_at_once(address: Address, requests: Sequence[bytes]) -> Rush:
    """Send every request at the same moment and wait for all answers."""
    rush = Rush(began=monotonic())
    with selectors.DefaultSelector() as waiting:
        for request in requests:
            connection = socket.create_connection(address)
            connection.sendall(request)
            waiting.register(connection, selectors.EVENT_READ, bytearray())
        _receive(waiting, rush)
    rush.over = monotonic()
    return rush


def _receive(waiting: selectors.BaseSelector, rush: Rush) -> None:
    while waiting.get_map():
        ready = waiting.select(GIVES_UP_AFTER_S)
        if not ready:
            raise TimeoutError(f"{len(waiting.get_map())} requests were never answered")
        for key, _events in ready:
            _read(waiting, key, rush)


def _read(waiting: selectors.BaseSelector, key: selectors.SelectorKey, rush: Rush) -> None:
    connection, received = key.fileobj, key.data
    assert isinstance(connection, socket.socket)
    some = connection.recv(65536)
    received += some
    if some and not is_whole(bytes(received)):
        return
    waiting.unregister(connection)
    connection.close()
    if not received.startswith(b"HTTP/1.1 200 "):
        rush.refusals.append(bytes(received))
