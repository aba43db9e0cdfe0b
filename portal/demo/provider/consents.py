"""From a person's yes to tokens, and the yes that a test gives in advance."""

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from portal.demo.provider import families, tokens
from portal.demo.provider.codes import Approval, Code
from portal.demo.provider.families import Family
from portal.demo.provider.issuers import Issuer, Login
from portal.demo.provider.knobs import Knobs


def begin(
    db: sqlite3.Connection, issuer: str, code: Code, knobs: Knobs, *, now: datetime
) -> tuple[Family, dict[str, Any]]:
    """Found the family of a code and answer with its first tokens."""
    if knobs.new_consent_ends_old:
        _end_earlier(db, issuer, code, now=now)
    family = Family(
        id=families.new_id(),
        issuer=issuer,
        client_id=code.client_id,
        sub=code.sub,
        scope=code.scope,
        accounts=code.accounts,
        consented_at=now,
        ends_at=now + timedelta(seconds=knobs.consent_lifetime_s),
    )
    return begin_family(db, family, knobs, now=now)


def begin_family(
    db: sqlite3.Connection, family: Family, knobs: Knobs, *, now: datetime
) -> tuple[Family, dict[str, Any]]:
    return families.found(db, family), tokens.issue_first(db, family, knobs, now=now)


def approval(
    issuer: Issuer, login: Login, asked_scope: str, *, scopes: Iterable[str] | None, accounts: Iterable[str] | None
) -> Approval:
    """What is granted: required scopes always, optional ones as ticked; None means everything that was asked for."""
    optional = {scope.name for scope in issuer.scopes if scope.is_optional}
    ticked = optional if scopes is None else set(scopes)
    shared = {account.id for account in login.accounts} if accounts is None else set(accounts)
    return Approval(
        login=login,
        scopes=tuple(name for name in asked_scope.split() if name not in optional or name in ticked),
        accounts=tuple(account.id for account in login.accounts if account.id in shared),
    )


def queue_next(db: sqlite3.Connection, issuer: str, answer: dict[str, Any]) -> None:
    """Let the next authorization request at this provider be answered like this, without a page."""
    db.execute("INSERT INTO next_consents (issuer, document) VALUES (?, ?)", (issuer, json.dumps(answer)))


def take_next(db: sqlite3.Connection, issuer: str) -> dict[str, Any] | None:
    """The oldest answer that waits, which waits no longer."""
    row = db.execute(
        "DELETE FROM next_consents WHERE id = (SELECT min(id) FROM next_consents WHERE issuer = ?) RETURNING document",
        (issuer,),
    ).fetchone()
    return dict(json.loads(row["document"])) if row else None


def forget_next(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM next_consents")


def covering(
    db: sqlite3.Connection, issuer: str, login: Login, client_id: str, scope: str, *, now: datetime
) -> Family | None:
    """This login's newest living consent that already covers what the client asks for now."""
    wanted = set(scope.split())
    for family in families.living(db, issuer, login.sub, now=now):
        if family.client_id == client_id and wanted <= set(family.scope.split()):
            return family
    return None


def _end_earlier(db: sqlite3.Connection, issuer: str, code: Code, *, now: datetime) -> None:
    for family in families.living(db, issuer, code.sub, now=now):
        if family.client_id == code.client_id:
            families.end(db, family.id, "newer-consent", now=now)
