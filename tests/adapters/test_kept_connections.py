"""Connections that wait for their next request: kept while that is right, and never one too long."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from portal.adapters.kept_connections import KeptConnections
from portal.adapters.web import MAX_BODY_BYTES, NoAnswer, Request, Web

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Reply = Callable[[int], bytes]


@contextmanager
def serving(reply: Reply, *, requests_a_connection: int = 100) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers the n-th request of each connection with `reply(n)`; its address and what each took."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            for number in range(requests_a_connection):
                received = connection.recv(65536)
                if not received:
                    return
                taken[index_of[connection]] += b"|" * bool(taken[index_of[connection]]) + received
                connection.sendall(reply(number))

    index_of: dict[socket.socket, int] = {}

    def accept() -> None:
        try:
            while True:
                connection = listener.accept()[0]
                index_of[connection] = len(taken)
                taken.append(b"")
                threading.Thread(target=talk, args=(connection,), daemon=True).start()
        except OSError:
            return

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", taken
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()


def ask(host: str, times: int, body: bytes | None = None) -> list[int | None]:
    web = Web(frozenset({host}))
    return [web.send(Request(f"http://{host}/token", "POST", {}, body)).status for _ in range(times)]


def test_head_and_body_of_a_request_come_in_one_piece() -> None:
    with serving(lambda _: PLAIN) as (host, taken):
        assert ask(host, 2, b"a=1") == [200, 200]
    first, second = taken[0].split(b"|")
    assert first == second
    assert first.endswith(b"\r\n\r\na=1")


def test_one_that_the_other_side_has_ended_is_replaced() -> None:
    with serving(lambda _: PLAIN, requests_a_connection=1) as (host, taken):
        web = Web(frozenset({host}))
        for _ in range(3):
            assert web.send(Request(f"http://{host}/")).status == 200
            wait_for_the_end(web)
    assert len(taken) == 3


def test_one_that_has_lain_too_long_is_replaced_although_nobody_has_ended_it() -> None:
    with serving(lambda _: PLAIN) as (host, taken):
        web = Web(frozenset({host}))
        web._connections = KeptConnections(web.guard, kept_s=0)
        assert [web.send(Request(f"http://{host}/")).status for _ in range(2)] == [200, 200]
    assert len(taken) == 2


def wait_for_the_end(web: Web) -> None:
    """Until the kept connection has heard that the other side has ended it."""
    ((connection,),) = web._connections._idle.values()
    connection.sock.settimeout(5)
    assert connection.sock.recv(1, socket.MSG_PEEK) == b""


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_one_that_is_to_be_closed_is_not_kept(reply: bytes) -> None:
    with serving(lambda _: reply) as (host, taken):
        assert ask(host, 2) == [200, 200]
    assert len(taken) == 2


def test_the_rest_of_an_answer_too_large_meets_no_later_request() -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * MAX_BODY_BYTES) + b"x" * (2 * MAX_BODY_BYTES)
    with serving(lambda _: large) as (host, taken):
        web = Web(frozenset({host}))
        answers = [web.send(Request(f"http://{host}/")) for _ in range(2)]
        assert all(isinstance(one, NoAnswer) and "larger" in one.reason for one in answers)
    assert len(taken) == 2


def test_a_header_that_comes_twice_is_heard_twice() -> None:
    challenges = b"WWW-Authenticate: Basic\r\nWWW-Authenticate: Bearer error=x\r\n"
    twice = b"HTTP/1.1 401 No\r\n" + challenges + b"Content-Length: 0\r\n\r\n"
    with serving(lambda _: twice) as (host, _):
        answer = Web(frozenset({host})).send(Request(f"http://{host}/"))
    assert answer.header("www-authenticate") == "Basic, Bearer error=x"


def test_where_there_is_no_room_those_of_the_place_used_longest_ago_are_closed() -> None:
    with serving(lambda _: PLAIN) as (first, _), serving(lambda _: PLAIN) as (second, _):
        web = Web(frozenset({first, second}))
        web._connections = KeptConnections(web.guard, places=1)
        for host in (first, second):
            assert web.send(Request(f"http://{host}/")).status == 200
        assert [(port, len(idle)) for (_, _, port), idle in web._connections._idle.items()] == [(port_of(second), 1)]


def port_of(host: str) -> int:
    return int(host.rpartition(":")[2])
