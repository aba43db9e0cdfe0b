"""One kept connection against a real server: what it insists on, and what it says when things go wrong."""

import socket
import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask

from portal.adapters import mail
from portal.adapters.smtp import ANSWER_TIMEOUT_S, TIMEOUT_S, Cut, Refused, Silent, Unreachable
from tests.mail_sink import CUT, SILENCE, Sink, running_sink

RAW = b"Subject: Hello\r\n\r\n.A line that begins with a dot\r\n"
ANA, US = "ana@acme.example", "portal@portal.example"

OLD_WAYS = pytest.mark.filterwarnings("ignore:Session.login_data:DeprecationWarning")  # in aiosmtpd itself

Certificate = Callable[[str], tuple[Path, Path]]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Makes a self-signed certificate for a name."""

    def make(name: str) -> tuple[Path, Path]:
        key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1"]
        kind = ["-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command = ["openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        return key, certificate

    return make


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def send(address: str = ANA) -> None:
    with mail.carrier() as carrier:
        carrier.announce(US, address)
        carrier.hand_over(RAW)


def test_several_mails_share_one_connection(smtp: Sink, context: Flask) -> None:
    with mail.carrier() as carrier:
        for _ in range(3):
            carrier.announce(US, ANA)
            carrier.hand_over(RAW)
    assert (len(smtp.taken), smtp.connections) == (3, 1)
    assert smtp.taken[0].get_content().startswith(".A line")


def test_a_server_that_takes_commands_at_once_gets_them_at_once(smtp: Sink, context: Flask) -> None:
    smtp.is_pipelining = True
    with mail.carrier() as carrier:
        for _ in range(3):
            carrier.announce(US, ANA)
            carrier.hand_over(RAW)
    assert (len(smtp.taken), smtp.connections) == (3, 1)


def test_a_reader_refused_among_commands_sent_at_once_stops_no_other(smtp: Sink, context: Flask) -> None:
    smtp.is_pipelining = True
    smtp.on_rcpt = lambda address: "550 nobody here" if address == ANA else "250 OK"
    with mail.carrier() as carrier:
        with pytest.raises(Refused, match="nobody here") as refusal:
            carrier.announce(US, ANA)
        carrier.announce(US, "ben@acme.example")
        carrier.hand_over(RAW)
    assert refusal.value.is_for_good
    assert (smtp.recipients, smtp.connections) == (["ben@acme.example"], 1)


def test_a_server_that_waits_for_a_mail_whose_reader_it_refused_gets_an_empty_one(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask]
) -> None:
    """As RFC 2920 section 3.1 allows."""
    script = [(b"EHLO", b"250-x\r\n250 PIPELINING\r\n"), (b"DATA", b"250 OK\r\n550 nobody\r\n354 go on\r\n")]
    script += [(b".", b"554 no valid recipients\r\n"), (b"rset", b"250 OK\r\n"), (b"quit", b"221 bye\r\n")]
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        heard = pool.submit(scripted, listener, script)
        environ["PORTAL_SMTP_URL"] = f"smtp://127.0.0.1:{listener.getsockname()[1]}"
        with make_app(environ).app_context(), mail.carrier() as carrier, pytest.raises(Refused, match="nobody"):
            carrier.announce(US, ANA)
        assert heard.result(10)[2] == b".\r\n"


def scripted(listener: socket.socket, script: list[tuple[bytes, bytes]]) -> list[bytes]:
    """Answers what ends with each line of the script, in order; returns what was heard."""
    heard = []
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as lines:
        connection.sendall(b"220 x\r\n")
        for awaited, answer in script:
            line = next(line for line in lines if line.lower().startswith(awaited.lower()))
            heard.append(line)
            connection.sendall(answer)
    return heard


@pytest.mark.parametrize("address", ["a>@acme.example", "a b@acme.example", "a@acme.example> SIZE=1"])
def test_an_address_cannot_break_out_of_its_brackets(smtp: Sink, context: Flask, address: str) -> None:
    with pytest.raises(Refused):
        send(address)
    assert smtp.taken == []


@pytest.mark.parametrize(
    ("reply", "is_for_good"), [("451 later", False), ("550 nobody here", True), ("530 sign in", False)]
)
def test_a_refusal_says_whether_it_is_for_good_and_the_connection_lives_on(
    smtp: Sink, context: Flask, reply: str, is_for_good: bool
) -> None:
    smtp.on_rcpt = lambda address: reply if address == ANA else "250 OK"
    with mail.carrier() as carrier:
        with pytest.raises(Refused) as refused:
            carrier.announce(US, ANA)
        carrier.announce(US, "ben@acme.example")
        carrier.hand_over(RAW)
    assert (refused.value.is_for_good, str(refused.value)) == (is_for_good, reply)
    assert smtp.connections == 1


def test_a_connection_cut_since_the_last_mail_is_opened_anew(smtp: Sink, context: Flask) -> None:
    with mail.carrier() as carrier:
        carrier.announce(US, ANA)
        carrier.hand_over(RAW)
        carrier.host.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]
        carrier.announce(US, ANA)
        carrier.hand_over(RAW)
    assert (len(smtp.taken), smtp.connections) == (2, 2)


def test_a_connection_cut_in_the_middle_of_a_mail_is_said_to_be_cut(smtp: Sink, context: Flask) -> None:
    smtp.replies.append(CUT)
    with mail.carrier() as carrier:
        carrier.announce(US, ANA)
        with pytest.raises(Cut):
            carrier.hand_over(RAW)


def test_the_answer_to_a_whole_mail_may_take_longer_than_any_other(smtp: Sink, context: Flask) -> None:
    patience: list[float | None] = []

    def note(_address: str) -> str:
        patience.append(carrier.host.sock.gettimeout())  # type: ignore[attr-defined]
        return "250 OK"

    smtp.on_rcpt = smtp.on_data = note
    with mail.carrier() as carrier:
        for _ in range(2):
            carrier.announce(US, ANA)
            carrier.hand_over(RAW)
    assert patience == [TIMEOUT_S, ANSWER_TIMEOUT_S] * 2


@pytest.mark.slow
def test_a_silence_about_a_reader_says_nothing_about_the_server(smtp: Sink, context: Flask) -> None:
    smtp.on_rcpt = lambda _address: SILENCE
    with pytest.raises(Silent):
        send()


def test_a_server_that_is_not_there_is_out_of_reach(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask]
) -> None:
    with running_sink() as gone:
        environ["PORTAL_SMTP_URL"] = gone.url
    with make_app(environ).app_context(), pytest.raises(Unreachable):
        send()


@OLD_WAYS
def test_a_wrong_password_is_out_of_reach_and_not_repeated_in_words(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask]
) -> None:
    with running_sink(password="right") as server:
        environ["PORTAL_SMTP_URL"] = f"smtp://portal:wr0ng-s3cret@127.0.0.1:{server.port}"
        with make_app(environ).app_context(), pytest.raises(Unreachable) as refused:
            send()
    assert "wr0ng" not in str(refused.value)


@OLD_WAYS
def test_the_right_password_signs_in(environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask]) -> None:
    with running_sink(password="right") as server:
        environ["PORTAL_SMTP_URL"] = f"smtp://portal:right@127.0.0.1:{server.port}"
        with make_app(environ).app_context():
            send()
    assert server.credentials == [("portal", "right")]
    assert len(server.taken) == 1


def test_starttls_refuses_a_certificate_nobody_vouches_for(
    environ: dict[str, str], make_app: Callable[[dict[str, str]], Flask], certificate: Certificate
) -> None:
    key, own = certificate("localhost")
    with running_sink(tls=server_side(key, own)) as server:
        environ["PORTAL_SMTP_URL"] = f"{server.url}?tls=starttls"
        with make_app(environ).app_context(), pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
            send()
    assert server.taken == []


def test_starttls_accepts_a_certificate_that_is_trusted(
    environ: dict[str, str],
    make_app: Callable[[dict[str, str]], Flask],
    certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key, own = certificate("localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    with running_sink(tls=server_side(key, own)) as server:
        environ["PORTAL_SMTP_URL"] = f"{server.url}?tls=starttls"
        with make_app(environ).app_context():
            send()
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("ana@acme.example", "ana@acme.example"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@straße.example", "ana@xn--strae-oqa.example"),  # strasse.example is somebody else's
        ("ana@βόλος.example", "ana@xn--nxasmm1c.example"),
        ("ana@Bücher。example", "ana@xn--bcher-kva.example"),
        ("jörg@bücher.example", "jörg@xn--bcher-kva.example"),
    ],
)
def test_an_address_in_other_letters_is_written_as_servers_want_it(address: str, written: str) -> None:
    assert mail.on_the_wire(address) == written


@pytest.mark.parametrize("domain", ["ü..example", "ü" * 64 + ".example", "☃.example", "-ü.example"])
def test_a_domain_that_no_server_can_have_is_a_wrong_value(domain: str) -> None:
    with pytest.raises(ValueError, match=r"Label|label|Codepoint"):
        mail.on_the_wire(f"ana@{domain}")


def server_side(key: Path, certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context
