"""How to reach the SMTP server, read from one URL."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from portal.crypto import Secret


class MailSecurity(StrEnum):
    """How the connection to the SMTP server is protected; certificates are always verified."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One SMTP server and how we sign in to it."""

    host: str
    port: int
    security: MailSecurity
    username: str | None
    password: Secret | None


def parse_smtp_url(url: str) -> SmtpSettings:
    """`smtp://user:password@host:587?tls=starttls` or `smtps://...`; raises ValueError with a plain reason."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("must look like smtp://user:password@host:587?tls=starttls or smtps://user:password@host")
    security = _security(parts.scheme, parse_qs(parts.query))
    try:
        port = parts.port or (465 if security is MailSecurity.TLS else 587 if parts.username else 25)
    except ValueError as error:
        raise ValueError("has a port that is not a number from 1 to 65535") from error
    password = Secret(unquote(parts.password)) if parts.password else None
    return SmtpSettings(parts.hostname, port, security, unquote(parts.username) if parts.username else None, password)


def _security(scheme: str, query: dict[str, list[str]]) -> MailSecurity:
    if scheme == "smtps":
        return MailSecurity.TLS
    word = query.get("tls", ["none"])[-1]
    if word not in {MailSecurity.NONE, MailSecurity.STARTTLS}:
        raise ValueError("knows only ?tls=starttls or ?tls=none; for TLS from the first byte write smtps://")
    return MailSecurity(word)
