"""One kept SMTP connection: Flask-Mail's, with what it leaves out.

Flask-Mail knows no time-outs, verifies no certificate, and cannot tell in which phase of a mail a connection broke.
Here everything waits for a stated while, TLS is verified, and each failure has a name that says what it is evidence of:
one mail (`Refused`), one connection (`Cut`), the server (`Unreachable`), or a mail or the server (`Silent`).
"""

import re
import smtplib
import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from flask_mail import Connection

from portal.logs import Masking

Answer = TypeVar("Answer")
Reply = tuple[int, bytes]

TIMEOUT_S = 10
ANSWER_TIMEOUT_S = 25
"""For the answer to a whole mail, which filters may read first.

RFC 5321 section 4.5.3.2.6 would wait ten minutes; but a worker on which a server falls silent has to be free again in
half a minute.
"""
ADDRESS_UNKNOWN_HERE = 553  # mailbox name not allowed (RFC 5321 section 4.2.3)
CLOSING = 421  # the server says goodbye (RFC 5321 section 3.8)
OUR_FAULT = frozenset({500, 502, 503, 530, 535, 538})  # 5xx about how we speak or sign in, not about the mail
_MASKING = Masking()
WELCOME = ((250,), (250, 251, 252), (354,))  # answers to MAIL, RCPT and DATA
_NOT_IN_PATHS = re.compile(r"[\s<>\x00-\x1f\x7f]")


class NotTaken(Exception):
    """The server has not taken charge of the mail; the text says why, in the server's own words.

    Content filters repeat the very link they did not like, and these words are kept: so whatever is secret is masked.
    `may_have_arrived` where all of the mail was handed over and no answer came.
    """

    def __init__(self, words: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(_MASKING.text(words))
        self.may_have_arrived = may_have_arrived


class Refused(NotTaken):
    """The server refused this one mail, for good or for now."""

    def __init__(self, code: int, reply: bytes | str, *, is_for_good: bool) -> None:
        text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
        super().__init__(f"{code} {' '.join(text.split())}")
        self.is_for_good = is_for_good


class Cut(NotTaken):
    """The connection ended in the middle of this mail; the next one may fare better."""


class Unreachable(NotTaken):
    """The server cannot be reached, or does not let us in: nothing is known about any mail."""


class Silent(NotTaken):
    """The server fell silent about this mail, or altogether: nobody can tell."""


class KeptConnection(Connection):
    """A connection over which one mail after the other is sent, opened for the first, and again once it was cut."""

    host: smtplib.SMTP | None

    def __enter__(self) -> Self:
        self.host = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.host is not None:
            self._politely(self.host.quit)
            self._drop()

    def announce(self, sender: str, recipient: str) -> None:
        """Everything before the mail's own bytes; a connection cut since the last mail is opened anew, once."""
        was_kept = self.host is not None
        try:
            self._announce(sender, recipient)
        except Cut:
            if not was_kept:
                raise
            self._announce(sender, recipient)

    def hand_over(self, raw: bytes) -> None:
        """The mail's own bytes, which end in CRLF; when this returns, the server has taken charge of them."""
        host = self._open()
        stuffed = (b"." if raw.startswith(b".") else b"") + raw.replace(b"\n.", b"\n..")  # RFC 5321 section 4.5.2
        _wait_for(host, ANSWER_TIMEOUT_S)
        self._asked(lambda: host.send(stuffed + b".\r\n"))
        answer = self._asked(host.getreply, may_have_arrived=True)
        _wait_for(host, TIMEOUT_S)
        self._accept(answer, 250)

    def configure_host(self) -> smtplib.SMTP:
        """A connection that is signed in, on which nobody else can listen and nothing waits beyond the time-out."""
        mail = self.mail
        context = ssl.create_default_context() if mail.use_ssl or mail.use_tls else None
        host: smtplib.SMTP
        if mail.use_ssl:
            host = smtplib.SMTP_SSL(mail.server, mail.port, timeout=TIMEOUT_S, context=context)
        else:
            host = smtplib.SMTP(mail.server, mail.port, timeout=TIMEOUT_S)
        try:
            if mail.use_tls:
                host.starttls(context=context)
            host.ehlo_or_helo_if_needed()
            if mail.username and mail.password:
                host.login(mail.username, mail.password.reveal())
        except BaseException:
            host.close()
            raise
        return host

    def _announce(self, sender: str, recipient: str) -> None:
        host = self._open()
        options = "" if recipient.isascii() else " SMTPUTF8"
        if options and not host.has_extn("smtputf8"):
            raise Refused(ADDRESS_UNKNOWN_HERE, "our mail server takes no such letters in addresses", is_for_good=True)
        lines = (f"MAIL FROM:{_path(sender)}{options}", f"RCPT TO:{_path(recipient)}", "DATA")
        answers: Iterable[Reply]
        if host.has_extn("pipelining"):
            answers = self._say_at_once(host, lines)
        else:
            answers = (self._asked(partial(_say, host, line)) for line in lines)
        for answer, welcome in zip(answers, WELCOME, strict=True):
            self._accept(answer, *welcome, is_about_us=welcome is WELCOME[0])

    def _say_at_once(self, host: smtplib.SMTP, lines: Sequence[str]) -> list[Reply]:
        """The lines in one go, then all their answers: one way there and back instead of three (RFC 2920)."""
        self._asked(lambda: host.send("".join(f"{line}\r\n" for line in lines).encode()))
        answers = [self._asked(host.getreply) for _ in lines]
        is_unwelcome = any(code not in welcome for (code, _), welcome in zip(answers, WELCOME, strict=True))
        if is_unwelcome and answers[-1][0] in WELCOME[-1]:  # it waits for the mail although it refused its reader
            self._asked(lambda: host.send(b".\r\n"))
            self._asked(host.getreply)
        return answers

    def _open(self) -> smtplib.SMTP:
        if self.host is None:
            try:
                self.host = self.configure_host()
            except (smtplib.SMTPException, OSError) as error:
                raise Unreachable(_said(error)) from error
        return self.host

    def _accept(self, answer: Reply, *welcome: int, is_about_us: bool = False) -> None:
        """Any code but the welcome ones is a refusal, after which the connection is reset."""
        code, reply = answer
        if code in welcome:
            return
        if code == CLOSING:
            self._drop()
            raise Cut(f"{code} {reply.decode('utf-8', 'replace')}")
        self._reset()
        raise Refused(code, reply, is_for_good=code >= 500 and code not in OUR_FAULT and not is_about_us)

    def _asked(self, ask: Callable[[], Answer], *, may_have_arrived: bool = False) -> Answer:
        try:
            return ask()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            is_silent = isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)
            raise (Silent if is_silent else Cut)(_said(error), may_have_arrived=may_have_arrived) from error

    def _reset(self) -> None:
        if self.host is not None and not self._politely(self.host.rset):
            self._drop()

    def _drop(self) -> None:
        if self.host is not None:
            self.host.close()
        self.host = None

    @staticmethod
    def _politely(say: Callable[[], object]) -> bool:
        """Say what good manners ask for; whether the other side still listens."""
        try:
            say()
        except (smtplib.SMTPException, OSError):
            return False
        return True


def _path(address: str) -> str:
    """An address as MAIL and RCPT take it, out of which none can break."""
    if _NOT_IN_PATHS.search(address):
        raise Refused(ADDRESS_UNKNOWN_HERE, "the address is none that mail servers know", is_for_good=True)
    return f"<{address}>"


def _wait_for(host: smtplib.SMTP, seconds: float) -> None:
    """So long each next word of the server may take."""
    if host.sock is not None:
        host.sock.settimeout(seconds)


def _say(host: smtplib.SMTP, line: str) -> Reply:
    host.send(f"{line}\r\n".encode())
    return host.getreply()


def _said(error: Exception) -> str:
    """The server's words, or what went wrong on the way to it; never what we sent, which may be a password."""
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error
        return f"{error.smtp_code} {words.decode('utf-8', 'replace') if isinstance(words, bytes) else words}"
    return f"{type(error).__name__}: {error}"
