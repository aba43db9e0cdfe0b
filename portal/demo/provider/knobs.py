"""How one provider's tokens, ID tokens and callbacks behave; testers turn these on the control page or by JSON."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from portal.demo.provider.problems import InvalidInput

ROTATING, STATIC = "rotating", "static"
LONGEST_S = 10 * 366 * 24 * 60 * 60
LONGEST_DELAY_MS = 120_000

# The first of each is how an honest provider behaves; ID tokens from "aud_as_list" to "without_kid" are legal too.
ID_TOKENS = (
    "honest", "aud_as_list", "with_azp", "without_at_hash", "without_kid",
    "wrong_iss", "wrong_aud", "foreign_aud_own_azp", "foreign_azp", "wrong_nonce", "without_nonce", "expired",
    "without_exp", "issued_in_future", "without_iat", "empty_sub", "without_sub", "alg_none", "alg_hs256",
    "bad_signature", "unknown_kid", "wrong_at_hash", "not_a_jwt", "missing",
)  # fmt: skip
CALLBACKS = ("honest", "wrong_state", "without_state", "wrong_iss", "without_iss", "wrong_code")
DELAYED = ("token", "refresh", "everything")


@dataclass(frozen=True)
class Knobs:
    """One provider's behaviour; lifetimes count for what is issued from now on."""

    rotation: str = ROTATING
    access_lifetime_s: int = 3600
    consent_lifetime_s: int = LONGEST_S
    grace_s: int = 30
    old_access_ends: bool = False
    new_consent_ends_old: bool = False
    delay_ms: int = 0
    delay_on: str = "token"
    id_token: str = "honest"  # noqa: S105 - a kind of token, no secret
    callback: str = "honest"


def current(db: sqlite3.Connection, issuer: str, default: Knobs) -> Knobs:
    """The provider's knobs as last turned."""
    row = db.execute("SELECT document FROM knobs WHERE issuer = ?", (issuer,)).fetchone()
    return Knobs(**json.loads(row["document"])) if row else default


def turn(db: sqlite3.Connection, issuer: str, knobs: Knobs) -> None:
    db.execute("INSERT OR REPLACE INTO knobs (issuer, document) VALUES (?, ?)", (issuer, json.dumps(asdict(knobs))))


def turned(knobs: Knobs, changes: Mapping[str, Any]) -> Knobs:
    """The knobs with `changes` made; an unknown knob or an impossible value changes nothing and is named."""
    known = {field.name for field in fields(Knobs)}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise InvalidInput(f"There is no knob '{unknown[0]}'; the knobs are {', '.join(sorted(known))}.")
    return replace(knobs, **{name: _CHECKS[name](name, value) for name, value in changes.items()})


def _number_up_to(most: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            raise InvalidInput(f"'{name}' is a whole number from 0 to {most}.")
        return value

    return check


def _one_of(*words: str) -> Callable[[str, Any], str]:
    def check(name: str, value: Any) -> str:
        if value not in words:
            raise InvalidInput(f"'{name}' is one of {', '.join(words)}.")
        return str(value)

    return check


def _yes_or_no(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"'{name}' is true or false.")
    return value


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "rotation": _one_of(ROTATING, STATIC),
    "access_lifetime_s": _number_up_to(LONGEST_S),
    "consent_lifetime_s": _number_up_to(LONGEST_S),
    "grace_s": _number_up_to(LONGEST_S),
    "old_access_ends": _yes_or_no,
    "new_consent_ends_old": _yes_or_no,
    "delay_ms": _number_up_to(LONGEST_DELAY_MS),
    "delay_on": _one_of(*DELAYED),
    "id_token": _one_of(*ID_TOKENS),
    "callback": _one_of(*CALLBACKS),
}
