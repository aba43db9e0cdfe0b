"""What is wrong with an address an operator gives us, in words that repeat nothing of it: it may hold a password."""

import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from portal.mail_settings import UNREADABLE

POSTGRESQL = ("postgresql", "postgresql+psycopg")
REDIS_NETWORK = ("redis", "rediss")
PUBLIC = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")


def database_fault(text: str) -> str | None:
    """Why this cannot be our database; None for PostgreSQL, and for SQLite in a file whose folder exists."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return UNREADABLE
    if url.drivername in POSTGRESQL:
        return None
    if url.drivername == "sqlite":
        return _sqlite_fault(url)
    return "must begin with postgresql+psycopg:// (or sqlite:/// to try things out)"


def _sqlite_fault(url: URL) -> str | None:
    if url.host:
        return "needs three slashes before a file's path, and four where the path begins at the root: sqlite:////srv/db"
    if not url.database or url.database == ":memory:":
        return "must name a file: a database in memory forgets everything, and other processes do not see it"
    return None if Path(url.database).absolute().parent.is_dir() else "names a file in a folder that does not exist"


def redis_fault(text: str) -> str | None:
    """Why this cannot be our Redis."""
    parts = _split(text)
    if parts is None:
        return UNREADABLE
    if parts.scheme == "unix":
        return None if parts.path else "names no socket: unix:///run/redis/redis.sock"
    if parts.scheme not in REDIS_NETWORK or not parts.hostname:
        return "must look like redis://host:6379/0, rediss://host:6379/0 or unix:///run/redis/redis.sock"
    return None if re.fullmatch(r"(/\d{0,5})?", parts.path) else "must end in the database's number, such as /0"


def public_fault(text: str) -> str | None:
    """Why people's browsers cannot reach us at this address."""
    parts = _split(text)
    if parts is None or not parts.hostname or not PUBLIC.fullmatch(text):
        return "must be the portal's address alone, without a path, such as https://portal.example.org"
    return None


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        return parts if parts.port != 0 else None
    except ValueError:
        return None
