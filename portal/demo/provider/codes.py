"""Authorization codes: short-lived, spent by the first attempt, bound to client, redirect address and challenge."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta

from authlib.oidc.core import AuthorizationCodeMixin

from portal.demo.provider.issuers import Login
from portal.demo.provider.store import as_moment, as_text, fingerprint

LIFETIME = timedelta(minutes=5)


@dataclass(frozen=True)
class Approval:
    """What a person said yes to on the consent page."""

    login: Login
    scopes: tuple[str, ...]
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc] # Authlib ships no types
    """One approval on its way to the client's server."""

    client_id: str
    sub: str
    redirect_uri: str
    scope: str
    accounts: tuple[str, ...]
    nonce: str | None
    code_challenge: str
    signed_in_at: datetime
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


def save(db: sqlite3.Connection, issuer: str, value: str, code: Code) -> None:
    db.execute(
        "INSERT INTO codes (fingerprint, issuer, client_id, sub, redirect_uri, scope, accounts, nonce, challenge,"
        " signed_in_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            fingerprint(value),
            issuer,
            code.client_id,
            code.sub,
            code.redirect_uri,
            code.scope,
            json.dumps(code.accounts),
            code.nonce,
            code.code_challenge,
            as_text(code.signed_in_at),
            as_text(code.signed_in_at + LIFETIME),
        ),
    )


def spend(db: sqlite3.Connection, issuer: str, value: str, client_id: str, *, now: datetime) -> Code | None:
    """The code if it is good, and never again: a failed attempt with it spends it just as well."""
    row = db.execute(
        "UPDATE codes SET spent_at = :now WHERE fingerprint = :code AND issuer = :issuer AND client_id = :client"
        " AND spent_at IS NULL AND expires_at > :now RETURNING *",
        {"now": as_text(now), "code": fingerprint(value), "issuer": issuer, "client": client_id},
    ).fetchone()
    return _code(row) if row else None


def family_of_spent(db: sqlite3.Connection, issuer: str, value: str) -> str | None:
    """The grant that an already spent code led to, so that it can be ended (RFC 6749, section 4.1.2)."""
    row = db.execute(
        "SELECT family FROM codes WHERE fingerprint = ? AND issuer = ?", (fingerprint(value), issuer)
    ).fetchone()
    return row["family"] if row else None


def became(db: sqlite3.Connection, value: str, family: str) -> None:
    """Remember which grant a code led to."""
    db.execute("UPDATE codes SET family = ? WHERE fingerprint = ?", (family, fingerprint(value)))


def _code(row: sqlite3.Row) -> Code:
    return Code(
        client_id=row["client_id"],
        sub=row["sub"],
        redirect_uri=row["redirect_uri"],
        scope=row["scope"],
        accounts=tuple(json.loads(row["accounts"])),
        nonce=row["nonce"],
        code_challenge=row["challenge"],
        signed_in_at=as_moment(row["signed_in_at"]),
    )
