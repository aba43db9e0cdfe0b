"""Misbehaviour on demand: what an operation answers instead of the truth, a number of times or until healed."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from portal.demo.provider.problems import InvalidInput

ANSWER_LOST, HANG = "answer_lost", "hang"
# "token" stands for "issue" (a code exchanged) and "refresh" together.
OPERATIONS = ("token", "issue", "refresh", "revoke", "userinfo", "accounts", "authorize", "jwks", "discovery")
MOST_TIMES = 1_000_000


@dataclass(frozen=True)
class Failure:
    """One way to fail; status, body and headers are what goes over the wire."""

    kind: str
    status: int = 500
    body: Any = ""
    content_type: str = "application/json"
    retry_after_s: int | None = None

    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


_SHELF = {
    "invalid_grant": Failure("invalid_grant", 400, {"error": "invalid_grant"}),
    "invalid_client": Failure("invalid_client", 401, {"error": "invalid_client"}),
    "server_error": Failure("server_error", 500, {"error": "server_error"}),
    "unavailable": Failure(
        "unavailable", 503, "<!doctype html><title>503</title><h1>Service Unavailable</h1>", "text/html; charset=utf-8"
    ),
    "rate_limited": Failure("rate_limited", 429, {"error": "rate_limited"}, retry_after_s=30),
    "not_json": Failure("not_json", 200, "<!doctype html><title>Welcome</title>", "text/html; charset=utf-8"),
    "empty_answer": Failure("empty_answer", 200, {}),
    "custom": Failure("custom", 400, {}),
    HANG: Failure(HANG),
    ANSWER_LOST: Failure(ANSWER_LOST),
}
KINDS = tuple(_SHELF)


def read(given: Mapping[str, Any]) -> Failure:
    """The failure a tester describes; status, body, content_type and retry_after_s replace those from the shelf."""
    kind = given.get("kind")
    if kind not in _SHELF:
        raise InvalidInput(f"'kind' is one of {', '.join(KINDS)}.")
    changes = {name: given[name] for name in ("status", "body", "content_type", "retry_after_s") if name in given}
    _check_number("status", changes.get("status", 400), 200, 599)
    _check_number("retry_after_s", changes.get("retry_after_s") or 0, 0, 10**9)
    return Failure(**asdict(_SHELF[kind]) | changes)


def read_operation(given: Mapping[str, Any]) -> str:
    operation = given.get("on", "token")
    if operation not in OPERATIONS:
        raise InvalidInput(f"'on' is one of {', '.join(OPERATIONS)}.")
    return str(operation)


def read_times(given: Mapping[str, Any]) -> int | None:
    """How often to fail; None means until healed."""
    times = given.get("times")
    if times is not None:
        _check_number("times", times, 1, MOST_TIMES)
    return times


def arrange(db: sqlite3.Connection, issuer: str, operation: str, failure: Failure, times: int | None) -> None:
    """Let `operation` fail from now on; it replaces an earlier arrangement for the same operation."""
    db.execute(
        "INSERT OR REPLACE INTO failures (issuer, operation, document, times_left) VALUES (?, ?, ?, ?)",
        (issuer, operation, json.dumps(asdict(failure)), times),
    )


def strike(db: sqlite3.Connection, issuer: str, operation: str) -> Failure | None:
    """The failure this very request must meet, counted down."""
    for name in _names_of(operation):
        row = db.execute(
            "UPDATE failures SET times_left = times_left - 1 WHERE issuer = ? AND operation = ?"
            " AND (times_left IS NULL OR times_left > 0) RETURNING document",
            (issuer, name),
        ).fetchone()
        if row:
            return Failure(**json.loads(row["document"]))
    return None


def heal(db: sqlite3.Connection, issuer: str, operation: str | None = None) -> None:
    """Take back one arranged failure, or all of the provider's."""
    db.execute(
        "DELETE FROM failures WHERE issuer = :issuer AND (:operation IS NULL OR operation = :operation)",
        {"issuer": issuer, "operation": operation},
    )


def arranged(db: sqlite3.Connection, issuer: str) -> list[dict[str, Any]]:
    """What is still to fail, for people to read."""
    rows = db.execute(
        "SELECT operation, document, times_left FROM failures WHERE issuer = ? AND coalesce(times_left, 1) > 0",
        (issuer,),
    )
    return [
        {"on": row["operation"], "kind": json.loads(row["document"])["kind"], "times_left": row["times_left"]}
        for row in rows
    ]


def _names_of(operation: str) -> tuple[str, ...]:
    return (operation, "token") if operation in ("issue", "refresh") else (operation,)


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidInput(f"'{name}' is a whole number from {least} to {most}.")
