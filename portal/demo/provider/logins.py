"""Who can sign in at a provider: the built-in people and those a tester adds."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from portal.demo.provider.issuers import Account, Issuer, Login
from portal.demo.provider.problems import InvalidInput, UnknownThing

SUB = re.compile(r"[\x21-\x7e]{1,255}")  # OpenID Connect Core, section 2: at most 255 ASCII characters


def prepare(db: sqlite3.Connection, issuer: Issuer) -> None:
    """Bring the built-in people back to how they come from the shelf; added ones stay as they are."""
    for login in issuer.logins:
        save(db, issuer.slug, login, is_listed=True)


def save(db: sqlite3.Connection, issuer: str, login: Login, *, is_listed: bool) -> None:
    """Add a login, or change the one with the same subject. Unlisted ones show only when hinted at or remembered."""
    accounts = json.dumps([[account.id, account.name] for account in login.accounts])
    db.execute(
        "INSERT INTO logins (issuer, sub, label, name, email, accounts, is_listed) VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (issuer, sub) DO UPDATE SET label = excluded.label, name = excluded.name,"
        " email = excluded.email, accounts = excluded.accounts, is_listed = excluded.is_listed",
        (issuer, login.sub, login.label, login.name, login.email, accounts, is_listed),
    )


def read(given: Mapping[str, Any]) -> Login:
    """A login from a tester's JSON or form: `sub` and `name` are needed, the rest follows from them."""
    sub, name = str(given.get("sub") or ""), str(given.get("name") or "").strip()
    if not SUB.fullmatch(sub):
        raise InvalidInput("'sub' is 1 to 255 visible ASCII characters.")
    if not name:
        raise InvalidInput("'name' is missing.")
    email = str(given.get("email") or f"{re.sub('[^a-z0-9.-]', '-', sub.lower())}@example.com")
    return Login(sub, str(given.get("label") or name), name, email, _read_accounts(given.get("accounts", [])))


def find(db: sqlite3.Connection, issuer: str, sub: str) -> Login | None:
    row = db.execute("SELECT * FROM logins WHERE issuer = ? AND sub = ?", (issuer, sub)).fetchone()
    return _login(row) if row else None


def get(db: sqlite3.Connection, issuer: str, sub: str) -> Login:
    login = find(db, issuer, sub)
    if login is None:
        raise UnknownThing(f"There is no login '{sub}' at {issuer}.")
    return login


def hinted(db: sqlite3.Connection, issuer: str, hint: str) -> Login | None:
    """The login a `login_hint` means: its subject or, letters' case aside, its e-mail address."""
    row = db.execute(
        "SELECT * FROM logins WHERE issuer = ? AND (sub = ? OR lower(email) = lower(?)) ORDER BY sub = ? DESC",
        (issuer, hint, hint, hint),
    ).fetchone()
    return _login(row) if row else None


def listed(db: sqlite3.Connection, issuer: str) -> list[Login]:
    """Who is offered on the page, in the order they came."""
    rows = db.execute("SELECT * FROM logins WHERE issuer = ? AND is_listed ORDER BY rowid", (issuer,))
    return [_login(row) for row in rows]


def accounts_named(login: Login, ids: Iterable[str]) -> tuple[Account, ...]:
    wanted = set(ids)
    return tuple(account for account in login.accounts if account.id in wanted)


def _login(row: sqlite3.Row) -> Login:
    accounts = tuple(Account(*pair) for pair in json.loads(row["accounts"]))
    return Login(row["sub"], row["label"], row["name"], row["email"], accounts)


def _read_accounts(given: Any) -> tuple[Account, ...]:
    try:
        return tuple(Account(str(entry["id"]), str(entry["name"])) for entry in given)
    except (TypeError, KeyError) as error:
        raise InvalidInput("'accounts' is a list of objects with 'id' and 'name'.") from error
