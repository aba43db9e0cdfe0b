"""Each provider's signing keys: the newest signs, all are published."""

import json
import sqlite3
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import uuid4

from joserfc.jwk import RSAKey

from portal.demo.provider.store import as_text

KEY_BITS = 2048


def prepare(db: sqlite3.Connection, issuer: str, *, now: datetime) -> None:
    """Make the first key of a provider that has none."""
    if not _rows(db, issuer):
        rotate(db, issuer, now=now)


def rotate(db: sqlite3.Connection, issuer: str, *, now: datetime) -> str:
    """Sign with a new key from now on and return its `kid`; tokens under the old one stay verifiable."""
    kid = f"{issuer}-{uuid4().hex[:8]}"
    key = RSAKey.generate_key(KEY_BITS, {"kid": kid, "use": "sig", "alg": "RS256"}, private=True)
    document = json.dumps(key.as_dict(private=True))
    db.execute(
        "INSERT INTO keys (kid, issuer, jwk, made_at) VALUES (?, ?, ?, ?)", (kid, issuer, document, as_text(now))
    )
    return kid


def forget_old(db: sqlite3.Connection, issuer: str) -> None:
    """Publish the newest key alone again: without `kid`, a token is legal only then (OpenID Connect Core, 10.1)."""
    db.execute(
        "DELETE FROM keys WHERE issuer = :issuer AND rowid < (SELECT max(rowid) FROM keys WHERE issuer = :issuer)",
        {"issuer": issuer},
    )


def signing(db: sqlite3.Connection, issuer: str) -> RSAKey:
    return _key(_rows(db, issuer)[-1]["jwk"])


def published(db: sqlite3.Connection, issuer: str) -> dict[str, Any]:
    """The provider's public keys as a JWK set."""
    return {"keys": [_key(row["jwk"]).as_dict(private=False) for row in _rows(db, issuer)]}


@lru_cache(maxsize=32)
def _key(document: str) -> RSAKey:
    return RSAKey.import_key(json.loads(document))


def _rows(db: sqlite3.Connection, issuer: str) -> list[sqlite3.Row]:
    return db.execute("SELECT jwk FROM keys WHERE issuer = ? ORDER BY rowid", (issuer,)).fetchall()
