"""What the control page and its JSON side both do."""

import sqlite3

from portal.demo.provider import consents, failures, families, keys, knobs, ledger
from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.visit import Visit


def reset_everything(db: sqlite3.Connection) -> None:
    """Honest providers with one key each, nothing answered in advance, an empty ledger; grants and logins stay."""
    for issuer in ISSUERS.values():
        knobs.turn(db, issuer.slug, issuer.knobs)
        failures.heal(db, issuer.slug)
        keys.forget_old(db, issuer.slug)
    consents.forget_next(db)
    ledger.reset(db)


def revoke_login(visit: Visit, sub: str | None) -> int:
    """End the living grants of one login (or of all), as if the person had removed the app; how many there were."""
    living = families.living(visit.db, visit.issuer.slug, sub, now=visit.now)
    for family in living:
        families.end(visit.db, family.id, "revoked", now=visit.now)
        facts = ledger.Facts(family.client_id, family.sub, family.id, "at-the-provider")
        ledger.note(visit.db, visit.issuer.slug, "revocation", "ok", facts, at=visit.now)
    return len(living)
