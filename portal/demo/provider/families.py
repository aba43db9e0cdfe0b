"""A family: everything that grew out of one consent, with the moment it ends whatever is refreshed meanwhile."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from portal.demo.provider.store import as_moment, as_text


@dataclass(frozen=True)
class Family:
    """One consent of one login for one client."""

    id: str
    issuer: str
    client_id: str
    sub: str
    scope: str
    accounts: tuple[str, ...]
    consented_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    ended_because: str | None = None

    def why_over(self, now: datetime) -> str | None:
        """Why its tokens do not work any more, or None while they do."""
        if self.ended_because:
            return self.ended_because
        return "consent-expired" if now >= self.ends_at else None


def found(db: sqlite3.Connection, family: Family) -> Family:
    """Write a new family down."""
    db.execute(
        "INSERT INTO families (id, issuer, client_id, sub, scope, accounts, consented_at, ends_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            family.id,
            family.issuer,
            family.client_id,
            family.sub,
            family.scope,
            json.dumps(family.accounts),
            as_text(family.consented_at),
            as_text(family.ends_at),
        ),
    )
    return family


def new_id() -> str:
    return f"family-{uuid4().hex[:12]}"


def get(db: sqlite3.Connection, family_id: str) -> Family:
    return _family(db.execute("SELECT * FROM families WHERE id = ?", (family_id,)).fetchone())


def of_login(db: sqlite3.Connection, issuer: str, sub: str | None = None) -> list[Family]:
    """The families of one login, or of all, newest first."""
    rows = db.execute(
        "SELECT * FROM families WHERE issuer = :issuer AND (:sub IS NULL OR sub = :sub) ORDER BY rowid DESC",
        {"issuer": issuer, "sub": sub},
    )
    return [_family(row) for row in rows]


def living(db: sqlite3.Connection, issuer: str, sub: str | None, *, now: datetime) -> list[Family]:
    return [family for family in of_login(db, issuer, sub) if family.why_over(now) is None]


def end(db: sqlite3.Connection, family_id: str, because: str, *, now: datetime) -> bool:
    """End a family and all its tokens; False if it had ended already (the first reason stays)."""
    changed = db.execute(
        "UPDATE families SET ended_at = ?, ended_because = ? WHERE id = ? AND ended_at IS NULL",
        (as_text(now), because, family_id),
    )
    return changed.rowcount == 1


def _family(row: sqlite3.Row) -> Family:
    return Family(
        id=row["id"],
        issuer=row["issuer"],
        client_id=row["client_id"],
        sub=row["sub"],
        scope=row["scope"],
        accounts=tuple(json.loads(row["accounts"])),
        consented_at=as_moment(row["consented_at"]),
        ends_at=as_moment(row["ends_at"]),
        ended_at=as_moment(row["ended_at"]) if row["ended_at"] else None,
        ended_because=row["ended_because"],
    )
