"""Sending mail (Flask-Mail): to the configured SMTP server, or into the mailbox folder where there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import charset
from email.utils import parseaddr
from functools import cache
from time import monotonic
from typing import Protocol

import idna
from flask import Flask, current_app
from flask_mail import Mail

from portal.adapters.mailbox import MailboxCarrier
from portal.adapters.smtp import KeptConnection
from portal.config import Config
from portal.extensions import config
from portal.mail_settings import MailSecurity

REST_S = 30  # after a server was out of reach: so long nobody in this process waits for it again

# Flask-Mail makes all e-mail code of the process write UTF-8 unencoded, in lines of any length: back to Python's way.
charset.add_charset("utf-8", charset.SHORTEST, charset.BASE64, "utf-8")


class Carrier(Protocol):
    """What takes mails to where they are read: first announced, then handed over; raises `smtp.NotTaken`."""

    def announce(self, sender: str, recipient: str) -> None: ...

    def hand_over(self, raw: bytes) -> None: ...


class PortalMail(Mail):
    """Flask-Mail with our connection, and the memory of a server that was out of reach a moment ago."""

    resting_until: float = 0.0

    def connect(self) -> KeptConnection:
        return KeptConnection(current_app.extensions["mail"])


_KEY = "reconsent.mail"


def flask_settings(config: Config) -> dict[str, object]:
    """Flask-Mail's settings; the password stays a secret until it is said."""
    smtp = config.smtp
    return {
        "MAIL_SERVER": smtp.host if smtp else "",
        "MAIL_PORT": smtp.port if smtp else 0,
        "MAIL_USE_TLS": smtp is not None and smtp.security is MailSecurity.STARTTLS,
        "MAIL_USE_SSL": smtp is not None and smtp.security is MailSecurity.TLS,
        "MAIL_USERNAME": smtp.username if smtp else None,
        "MAIL_PASSWORD": smtp.password if smtp else None,
        "MAIL_DEFAULT_SENDER": config.mail_from,
        "MAIL_SUPPRESS_SEND": False,
    }


def init_app(app: Flask) -> None:
    """Join Flask-Mail to this app."""
    mail = PortalMail()
    mail.init_app(app)
    app.extensions[_KEY] = mail


@contextmanager
def carrier() -> Iterator[Carrier]:
    """A carrier of its own for one thread, kept for all its mails and closed at the end."""
    if config().smtp is None:
        yield MailboxCarrier(config().mailbox_dir)
    else:
        with _mail().connect() as connection:
            yield connection


def sender() -> tuple[str, str]:
    """Our name and address."""
    return _parsed(config().mail_from)


def on_the_wire(address: str) -> str:
    """An address as servers want it: the domain in its ASCII form (RFC 5890); raises ValueError where it has none.

    Not by Python's own codec, which knows the rules of 2003: they lead from straße.de to strasse.de, another domain.
    """
    name, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{name}@{idna.encode(domain, uts46=True).decode('ascii')}"


@cache
def _parsed(mail_from: str) -> tuple[str, str]:
    name, address = parseaddr(mail_from)
    return name, on_the_wire(address)


def rest() -> None:
    """Remember that the server is out of reach: others need not find out for themselves, ten seconds each."""
    _mail().resting_until = monotonic() + REST_S


def is_resting() -> bool:
    """Whether the server was out of reach a moment ago."""
    return monotonic() < _mail().resting_until


def _mail() -> PortalMail:
    mail: PortalMail = current_app.extensions[_KEY]
    return mail
