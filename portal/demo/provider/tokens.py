"""Access and refresh tokens: issue, rotate, recognise a reused one."""

import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from authlib.oauth2.rfc6749 import TokenMixin

from portal.demo.provider import families
from portal.demo.provider.families import Family
from portal.demo.provider.knobs import ROTATING, Knobs
from portal.demo.provider.store import as_moment, as_text, fingerprint


class Standing(StrEnum):
    """What a presented refresh token is: the newest, a forgiven previous one, or one that nobody should still have."""

    CURRENT = "ok"
    IN_GRACE = "grace"
    REUSED = "reuse"


@dataclass(frozen=True)
class RefreshToken(TokenMixin):  # type: ignore[misc] # Authlib ships no types
    """A refresh token as presented, with the family it belongs to."""

    fingerprint: str
    family: Family
    used_at: datetime | None
    replaced_at: datetime | None

    def check_client(self, client: Any) -> bool:
        return bool(self.family.client_id == client.get_client_id())

    def get_scope(self) -> str:
        return self.family.scope


@dataclass(frozen=True)
class AccessToken(TokenMixin):  # type: ignore[misc] # Authlib ships no types
    """An access token as presented; asked about its state at `seen_at`."""

    fingerprint: str
    family: Family
    scope: str
    expires_at: datetime
    ended_at: datetime | None
    seen_at: datetime

    def check_client(self, client: Any) -> bool:
        return bool(self.family.client_id == client.get_client_id())

    def get_scope(self) -> str:
        return self.scope

    def is_expired(self) -> bool:
        return self.seen_at >= self.expires_at

    def is_revoked(self) -> bool:
        return self.ended_at is not None or self.family.why_over(self.seen_at) is not None


def issue(db: sqlite3.Connection, family: Family, knobs: Knobs, scope: str, *, now: datetime) -> dict[str, Any]:
    """A new access token as the token endpoint answers it; it never outlives the consent."""
    left = family.ends_at - now
    lifetime = max(timedelta(0), min(timedelta(seconds=knobs.access_lifetime_s), left))
    value = f"{family.issuer}_at_{secrets.token_urlsafe(32)}"
    db.execute(
        "INSERT INTO access_tokens (fingerprint, family, scope, expires_at) VALUES (?, ?, ?, ?)",
        (fingerprint(value), family.id, scope, as_text(now + lifetime)),
    )
    return {
        "access_token": value,
        "token_type": "Bearer",
        "expires_in": int(lifetime.total_seconds()),
        "refresh_token_expires_in": int(left.total_seconds()),
        "scope": scope,
    }


def issue_first(db: sqlite3.Connection, family: Family, knobs: Knobs, *, now: datetime) -> dict[str, Any]:
    """What a consent is first answered with: an access token and a refresh token."""
    answer = issue(db, family, knobs, family.scope, now=now)
    return answer | {"refresh_token": _new_refresh_token(db, family, parent=None)}


def renew(db: sqlite3.Connection, token: RefreshToken, knobs: Knobs, scope: str, *, now: datetime) -> dict[str, Any]:
    """A new access token and, where they rotate, a new refresh token; the consent's end does not move."""
    if knobs.old_access_ends:
        _end_access(db, token.family, now=now)
    answer = issue(db, token.family, knobs, scope, now=now)
    _mark_used(db, token, now=now)
    if knobs.rotation != ROTATING:
        return answer
    _mark_all_replaced(db, token.family, now=now)
    return answer | {"refresh_token": _new_refresh_token(db, token.family, parent=token)}


def standing(db: sqlite3.Connection, token: RefreshToken, grace: timedelta, *, now: datetime) -> Standing:
    """The previous token is forgiven for the grace's length, counted once, and only until its successor is used."""
    if token.replaced_at is None:
        return Standing.CURRENT
    if now < token.replaced_at + grace and not _has_used_child(db, token):
        return Standing.IN_GRACE
    return Standing.REUSED


def find_refresh(db: sqlite3.Connection, issuer: str, value: str) -> RefreshToken | None:
    row = db.execute("SELECT * FROM refresh_tokens WHERE fingerprint = ?", (fingerprint(value),)).fetchone()
    if row is None:
        return None
    family = families.get(db, row["family"])
    token = RefreshToken(row["fingerprint"], family, _moment(row["used_at"]), _moment(row["replaced_at"]))
    return token if family.issuer == issuer else None


def find_access(db: sqlite3.Connection, issuer: str, value: str, *, now: datetime) -> AccessToken | None:
    row = db.execute("SELECT * FROM access_tokens WHERE fingerprint = ?", (fingerprint(value),)).fetchone()
    if row is None:
        return None
    family = families.get(db, row["family"])
    expires_at, ended_at = as_moment(row["expires_at"]), _moment(row["ended_at"])
    token = AccessToken(row["fingerprint"], family, row["scope"], expires_at, ended_at, seen_at=now)
    return token if family.issuer == issuer else None


def _new_refresh_token(db: sqlite3.Connection, family: Family, *, parent: RefreshToken | None) -> str:
    value = f"{family.issuer}_rt_{secrets.token_urlsafe(32)}"
    db.execute(
        "INSERT INTO refresh_tokens (fingerprint, family, parent) VALUES (?, ?, ?)",
        (fingerprint(value), family.id, parent.fingerprint if parent else None),
    )
    return value


def _mark_used(db: sqlite3.Connection, token: RefreshToken, *, now: datetime) -> None:
    db.execute(
        "UPDATE refresh_tokens SET used_at = coalesce(used_at, ?) WHERE fingerprint = ?",
        (as_text(now), token.fingerprint),
    )


def _mark_all_replaced(db: sqlite3.Connection, family: Family, *, now: datetime) -> None:
    """A family has one newest token: a sibling that a grace produced is replaced along with its parent."""
    db.execute(
        "UPDATE refresh_tokens SET replaced_at = ? WHERE family = ? AND replaced_at IS NULL", (as_text(now), family.id)
    )


def _has_used_child(db: sqlite3.Connection, token: RefreshToken) -> bool:
    row = db.execute(
        "SELECT 1 FROM refresh_tokens WHERE family = ? AND parent = ? AND used_at IS NOT NULL LIMIT 1",
        (token.family.id, token.fingerprint),
    ).fetchone()
    return row is not None


def _end_access(db: sqlite3.Connection, family: Family, *, now: datetime) -> None:
    db.execute("UPDATE access_tokens SET ended_at = ? WHERE family = ? AND ended_at IS NULL", (as_text(now), family.id))


def _moment(text: str | None) -> datetime | None:
    return as_moment(text) if text else None
