"""How to reach the SMTP server, read from one URL."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

from portal.crypto import Secret

UNREADABLE = (
    "cannot be read as an address: a port is a number up to 65535, and special characters of a password are written %XX"
)
SCHEMES = ("smtp", "smtps")
_ADDRESS = r"[^\s<>,@;\"]+@[^\s<>,@;\"]+"
SENDER = re.compile(rf'(?:[^\x00-\x1f<>,@;"]*|"[^\x00-\x1f"]*" ?)<{_ADDRESS}>|{_ADDRESS}')


class MailSecurity(StrEnum):
    """How the connection to the SMTP server is protected; certificates are always verified."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


SECURITY_OF = {"": MailSecurity.NONE, "tls=none": MailSecurity.NONE, "tls=starttls": MailSecurity.STARTTLS}


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One SMTP server and how we sign in to it."""

    host: str
    port: int
    security: MailSecurity
    username: str | None
    password: Secret | None


def parse_smtp_url(url: str) -> SmtpSettings:
    """`smtp://user:password@host:587?tls=starttls` or `smtps://...`; raises ValueError with a plain reason.

    The reason repeats nothing of the URL, which holds a password.
    """
    parts = _split(url)
    if parts.scheme not in SCHEMES or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must look like smtp://user:password@host:587?tls=starttls or smtps://user:password@host")
    security = _security(parts.scheme, parts.query)
    port = parts.port or (465 if security is MailSecurity.TLS else 587 if parts.username else 25)
    password = Secret(unquote(parts.password)) if parts.password else None
    return SmtpSettings(parts.hostname, port, security, unquote(parts.username) if parts.username else None, password)


def is_sender(text: str) -> bool:
    """Whether this can stand in a From header: one address, with or without a name before it."""
    return SENDER.fullmatch(text) is not None


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        if parts.port != 0:
            return parts
    except ValueError:
        pass  # its words repeat the URL
    raise ValueError(UNREADABLE)


def _security(scheme: str, query: str) -> MailSecurity:
    if scheme == "smtps" and not query:
        return MailSecurity.TLS
    if scheme == "smtps" or query not in SECURITY_OF:
        raise ValueError("knows only ?tls=starttls or ?tls=none; for TLS from the first byte write smtps:// alone")
    return SECURITY_OF[query]
