"""The guarded web: where it goes, where it never goes, and how much it puts up with."""

import gzip
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request as ServerRequest
from werkzeug import Response as ServerResponse

from portal.adapters.addresses import is_outside
from portal.adapters.web import MAX_BODY_BYTES, NoAnswer, Request, Web, outgoing
from portal.rules.answers import Answer
from portal.rules.verdicts import Phase

INSIDE = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::a9fe:a9fe",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "not an address", "", "2130706433",
]  # fmt: skip
OUTSIDE = [
    "1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.1",
    "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700:4700::1111", "2a00:1450::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_of_a_special_purpose_is_inside(address: str) -> None:
    assert not is_outside(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_internet_is_outside(address: str) -> None:
    assert is_outside(address)


def answering(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda _host, _port: addresses


class Trap:
    """A listening socket that counts who comes near it."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]

    def visits(self) -> int:
        count = 0
        try:
            while True:
                self._socket.accept()[0].close()
                count += 1
        except TimeoutError:
            return count

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


def refused(answer: Answer) -> str:
    assert isinstance(answer, NoAnswer)
    assert answer.status is None
    assert answer.is_refused, answer.reason
    return answer.reason


LOOPBACK_IN_DISGUISE = (
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]",
)  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_IN_DISGUISE)
def test_no_packet_reaches_the_loopback_however_it_is_written(trap: Trap, host: str) -> None:
    answer = Web().send(Request(f"https://{host}:{trap.port}/"))
    assert isinstance(answer, NoAnswer)
    assert trap.visits() == 0


@pytest.mark.parametrize("address", [address for address in INSIDE if address])
def test_a_name_that_points_inside_is_refused(address: str) -> None:
    web = Web(resolve=answering(address))
    assert "private network" in refused(web.send(Request("https://provider.example/token")))


def test_a_name_with_one_address_inside_among_others_is_refused() -> None:
    web = Web(resolve=answering("8.8.8.8", "10.0.0.1"))
    assert "private network" in refused(web.send(Request("https://provider.example/token")))


def test_a_name_that_changes_its_address_between_check_and_use_gains_nothing(trap: Trap) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ("192.0.2.1",) if len(asked) == 1 else ("127.0.0.1",)

    web = Web(resolve=rebinding)
    web.send(Request(f"https://provider.example:{trap.port}/"), deadline=timedelta(seconds=0.2))
    assert asked == ["provider.example"]
    assert trap.visits() == 0


def test_the_address_that_was_checked_is_the_one_connected_to(trap: Trap) -> None:
    hosts = frozenset({f"provider.example:{trap.port}"})
    web = Web(hosts, resolve=answering("127.0.0.1"))
    web.send(Request(f"http://provider.example:{trap.port}/"), deadline=timedelta(seconds=0.2))
    assert trap.visits() == 1


WRONG_ADDRESSES = {
    "http://provider.example/": "https",
    "ftp://provider.example/": "https",
    "file:///etc/passwd": "host",
    "https:///path": "host",
    "https://user@provider.example/": "user",
    "https://provider.example/#part": "fragment",
    "https://provider.example:99999/": "not an address",
    "//provider.example/": "https",
    "": "host",
}


@pytest.mark.parametrize(("url", "word"), WRONG_ADDRESSES.items())
def test_an_address_that_is_not_plainly_https_is_refused(url: str, word: str) -> None:
    assert word in refused(Web(resolve=answering("8.8.8.8")).send(Request(url)))


# What comes back


@pytest.fixture
def web(httpserver: HTTPServer) -> Web:
    return Web(frozenset({f"{httpserver.host}:{httpserver.port}", f"127.0.0.1:{httpserver.port}"}))


def test_an_allowed_private_host_is_answered_by(web: Web, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/token", method="POST", data=b"a=1").respond_with_json({"b": 2}, status=201)
    answer = web.send(Request(httpserver.url_for("/token"), "POST", {}, b"a=1"), phase=Phase.TOKEN)
    assert (answer.status, answer.document, answer.phase) == (201, {"b": 2}, Phase.TOKEN)


def test_only_the_allowed_port_of_a_private_host_is_reached(web: Web, trap: Trap) -> None:
    assert refused(web.send(Request(f"http://127.0.0.1:{trap.port}/")))
    assert trap.visits() == 0


def test_an_allowed_host_may_be_an_ipv6_address() -> None:
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    listener.settimeout(5)
    port = listener.getsockname()[1]
    answers: list[Answer] = []
    web = Web(frozenset({f"[::1]:{port}"}))
    asking = threading.Thread(target=lambda: answers.append(web.send(Request(f"http://[::1]:{port}/"))))
    asking.start()
    with listener, listener.accept()[0] as connection:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        asking.join()
    assert answers[0].status == 200


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(web: Web, httpserver: HTTPServer, status: int) -> None:
    seen: list[str] = []
    httpserver.expect_request("/secret").respond_with_handler(
        lambda request: seen.append(request.path) or ServerResponse()
    )
    httpserver.expect_request("/token").respond_with_data("", status, {"Location": httpserver.url_for("/secret")})
    answer = web.send(Request(httpserver.url_for("/token"), "POST", {}, b"secret=1"))
    assert answer.status == status
    assert seen == []


def test_cookies_are_not_kept(web: Web, httpserver: HTTPServer) -> None:
    cookies: list[str | None] = []

    def remember(request: ServerRequest) -> ServerResponse:
        cookies.append(request.headers.get("Cookie"))
        return ServerResponse("{}", headers={"Set-Cookie": "session=1; Path=/"})

    httpserver.expect_request("/").respond_with_handler(remember)
    for _ in range(2):
        web.send(Request(httpserver.url_for("/")))
    assert cookies == [None, None]


def test_an_answer_that_is_too_large_is_not_read_on(web: Web, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(b"x" * (MAX_BODY_BYTES + 1))
    answer = web.send(Request(httpserver.url_for("/")))
    assert isinstance(answer, NoAnswer)
    assert "larger" in answer.reason


def test_an_answer_of_just_the_largest_size_is_read(web: Web, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(b"x" * MAX_BODY_BYTES)
    assert web.send(Request(httpserver.url_for("/"))).body == b"x" * MAX_BODY_BYTES


def test_a_compressed_answer_counts_by_its_full_size(web: Web, httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b"\0" * (64 * MAX_BODY_BYTES))
    httpserver.expect_request("/").respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    assert isinstance(web.send(Request(httpserver.url_for("/"))), NoAnswer)


def test_an_answer_nested_without_end_is_no_document(web: Web, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_data(b"[" * 900_000, content_type="application/json")
    assert web.send(Request(httpserver.url_for("/"))).document is None


def test_proxies_of_the_environment_are_ignored(
    web: Web, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, trap: Trap
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    httpserver.expect_request("/").respond_with_data("{}")
    assert web.send(Request(httpserver.url_for("/"))).status == 200
    assert trap.visits() == 0


def test_a_kept_connection_is_used_again(httpserver: HTTPServer) -> None:
    with scripted(keep_alive) as (port, connections):
        web = Web(frozenset({f"127.0.0.1:{port}"}))
        answers = [web.send(Request(f"http://127.0.0.1:{port}/")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len(connections) == 1


def test_many_threads_share_one_web(web: Web, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/").respond_with_json({"fine": True})
    answers: list[Answer] = []
    ask = lambda: answers.append(web.send(Request(httpserver.url_for("/"))))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 20


def test_a_forked_process_has_a_web_of_its_own() -> None:
    parents = outgoing(frozenset({"127.0.0.1:9"}))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"own" if outgoing(frozenset({"127.0.0.1:9"})) is not parents else b"shared")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 10) == b"own"
    assert outgoing(frozenset({"127.0.0.1:9"})) is parents


# Time

Script = Callable[[socket.socket], None]


@contextmanager
def scripted(script: Script) -> Iterator[tuple[int, list[socket.socket]]]:
    """A server that does with each connection whatever the script says."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        try:
            while True:
                connection = listener.accept()[0]
                connections.append(connection)
                threading.Thread(target=_play, args=(script, connection), daemon=True).start()
        except OSError:
            return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], connections
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for connection in connections:
            connection.close()


def _play(script: Script, connection: socket.socket) -> None:
    try:
        script(connection)
    except OSError:
        return


def keep_alive(connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def drip(text: bytes, before: bytes = b"", *, times: int = 1000) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(before)
        pause = threading.Event()
        for _ in range(times):
            connection.sendall(text)
            pause.wait(0.02)
        connection.recv(65536)

    return script


def hang_up(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.close()


def cut_short(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
    connection.close()


def talk_nonsense(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()


SLOW: dict[str, Script] = {
    "silence": say_nothing,
    "a head that drips": drip(b"H"),
    "headers without end": drip(b"X-More: yes\r\n", b"HTTP/1.1 200 OK\r\n"),
    "a body that drips": drip(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
    "chunks that drip": drip(b"1\r\nx\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW)
def test_the_deadline_covers_all_of_an_answer(script: Script) -> None:
    with scripted(script) as (port, _):
        began = monotonic()
        web = Web(frozenset({f"127.0.0.1:{port}"}))
        answer = web.send(Request(f"http://127.0.0.1:{port}/"), deadline=timedelta(seconds=0.4))
        took = monotonic() - began
    assert isinstance(answer, NoAnswer)
    assert not answer.is_refused
    assert took < 10


def test_silence_in_the_middle_of_an_answer_does_not_begin_a_new_wait() -> None:
    with scripted(drip(b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", times=90)) as (port, _):
        began = monotonic()
        web = Web(frozenset({f"127.0.0.1:{port}"}))
        answer = web.send(Request(f"http://127.0.0.1:{port}/"), deadline=timedelta(seconds=2))
        took = monotonic() - began
    assert isinstance(answer, NoAnswer)
    assert took < 3.5  # a new wait would have begun after 1.8 seconds


def test_a_name_server_that_hangs_is_left_behind() -> None:
    never = threading.Event()

    def hanging(_host: str, _port: int) -> Sequence[str]:
        never.wait(20)
        return ()

    began = monotonic()
    answer = Web(resolve=hanging).send(Request("https://provider.example/"), deadline=timedelta(seconds=0.3))
    never.set()
    assert isinstance(answer, NoAnswer)
    assert answer.reason == "no answer in time"
    assert monotonic() - began < 10


@pytest.mark.parametrize("script", [hang_up, cut_short, talk_nonsense])
def test_a_broken_answer_is_no_answer(script: Script) -> None:
    with scripted(script) as (port, _):
        web = Web(frozenset({f"127.0.0.1:{port}"}))
        answer = web.send(Request(f"http://127.0.0.1:{port}/"))
    assert isinstance(answer, NoAnswer)
    assert not answer.is_refused


def test_nobody_listening_is_no_answer(trap: Trap) -> None:
    trap.close()
    answer = Web(frozenset({f"127.0.0.1:{trap.port}"})).send(Request(f"http://127.0.0.1:{trap.port}/"))
    assert isinstance(answer, NoAnswer)
    assert not answer.is_refused


def test_an_unknown_name_is_no_answer() -> None:
    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    answer = Web(resolve=unknown).send(Request("https://provider.example/"))
    assert isinstance(answer, NoAnswer)
    assert not answer.is_refused


# TLS


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A server whose certificate is `provider.example`'s, and the file of the authority that signed it."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate("provider.example", certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with HTTPServer("127.0.0.1", 0, ssl_context=context) as server:
        server.expect_request("/").respond_with_handler(lambda request: ServerResponse(request.headers["Host"]))
        yield server.port, str(certificate)


def make_certificate(name: str, certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_the_certificate_and_the_host_header_are_the_names_although_the_address_is_pinned(
    tls_server: tuple[int, str],
) -> None:
    port, authority = tls_server
    host = f"provider.example:{port}"
    web = Web(frozenset({host}), resolve=answering("127.0.0.1"), ca_file=authority)
    answer = web.send(Request(f"https://{host}/"))
    assert (answer.status, answer.text) == (200, host)


def test_a_certificate_of_another_name_is_not_accepted(tls_server: tuple[int, str]) -> None:
    port, authority = tls_server
    web = Web(frozenset({f"evil.example:{port}"}), resolve=answering("127.0.0.1"), ca_file=authority)
    assert isinstance(web.send(Request(f"https://evil.example:{port}/")), NoAnswer)


def test_a_certificate_that_no_authority_signed_is_not_accepted(tls_server: tuple[int, str]) -> None:
    port, _ = tls_server
    web = Web(frozenset({f"provider.example:{port}"}), resolve=answering("127.0.0.1"))
    assert isinstance(web.send(Request(f"https://provider.example:{port}/")), NoAnswer)
