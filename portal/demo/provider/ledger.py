"""What really happened here, line by line: tests believe this and not the portal's own logs."""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.demo.provider.problems import InvalidInput
from portal.demo.provider.store import as_text

FILTERS = ("provider", "event", "outcome", "client_id", "sub", "family")
MOST_ENTRIES = 1_000_000


@dataclass
class Facts:
    """Whom a line is about, filled in while a request is understood."""

    client_id: str | None = None
    sub: str | None = None
    family: str | None = None
    detail: str = ""


def note(db: sqlite3.Connection, issuer: str, event: str, outcome: str, facts: Facts, *, at: datetime) -> None:
    """Write one line; it stands or falls with the transaction of what it tells about."""
    db.execute(
        "INSERT INTO ledger (at, issuer, event, outcome, client_id, sub, family, detail) VALUES (?,?,?,?,?,?,?,?)",
        (as_text(at), issuer, event, outcome, facts.client_id, facts.sub, facts.family, facts.detail),
    )


def entries(db: sqlite3.Connection, asked: Mapping[str, str], *, newest_first: bool = False) -> list[dict[str, Any]]:
    """The lines that match, oldest first unless asked otherwise; `after` is the id of the last line already seen."""
    where, values = _condition(asked)
    order = "DESC" if newest_first else "ASC"
    rows = db.execute(
        f"SELECT id, at, issuer AS provider, event, outcome, client_id, sub, family, detail FROM ledger"  # noqa: S608 - only fixed words are put in
        f" WHERE {where} ORDER BY id {order} LIMIT ?",
        (*values, _number(asked, "limit", MOST_ENTRIES)),
    )
    return [dict(row) for row in rows]


def counts(lines: list[dict[str, Any]]) -> dict[str, int]:
    """How many lines of each kind, as `event:outcome`."""
    return dict(sorted(Counter(f"{line['event']}:{line['outcome']}" for line in lines).items()))


def reset(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM ledger")


def _condition(asked: Mapping[str, str]) -> tuple[str, list[Any]]:
    conditions, values = ["id > ?"], [_number(asked, "after", 0)]
    for name in FILTERS:
        if asked.get(name):
            conditions.append(f"{'issuer' if name == 'provider' else name} = ?")
            values.append(asked[name])
    return " AND ".join(conditions), values


def _number(asked: Mapping[str, str], name: str, default: int) -> Any:
    given = asked.get(name) or str(default)
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise InvalidInput(f"'{name}' is a whole number.")
    return int(given)
