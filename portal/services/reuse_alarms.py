"""Suspicion that somebody else has one of our refresh tokens: told to the admins, with what speaks for it."""

from datetime import datetime

from portal.db import db, transaction
from portal.models import Connection
from portal.rules import rotations
from portal.rules.verdicts import Fault
from portal.services import alerts, audit, offers, renewals
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.token_store import StoredGrant

REASON = (
    "The provider ended the tokens minutes after it had renewed them: they were withdrawn there, "
    "or somebody else has used a copy of one."
)


def is_due(grant: StoredGrant, fault: Fault, *, now: datetime) -> bool:
    """Whether this refusal is reason to suspect that somebody else used the token."""
    return rotations.is_reuse_suspected(
        fault, rotated_at=grant.rotated_at, is_interrupted=grant.is_interrupted, now=now
    )


@transaction
def raise_for(grant: StoredGrant, *, now: datetime) -> None:
    """Write the suspicion into the log and tell the organization's admins of it."""
    connection, token = db.session.get_one(Connection, grant.connection_id), grant.secret("refresh_token")
    audit.record(
        Asker.portal(grant.organization_id),
        EventKind.GRANT_REUSE_SUSPECTED,
        now=now,
        connection_id=connection.id,
        member_id=connection.member_id,
        generation=grant.generation,
        fingerprint=None if token is None else renewals.fingerprint(grant, token),
        rotated_at=None if grant.rotated_at is None else grant.rotated_at.isoformat(),
    )
    _alert(connection, grant, now)


def _alert(connection: Connection, grant: StoredGrant, now: datetime) -> None:
    provider = offers.named(grant.provider_id).name
    alerts.raise_once(
        f"reuse:{connection.id}:{grant.generation}",
        grant.organization_id,
        title=f"The tokens of “{connection.nickname}” at {provider} may have been used by somebody else",
        sentence=f"{provider} ended this connection’s tokens minutes after it had renewed them. Either its access "
        "was withdrawn there, or somebody else has used a copy. No token is given out any more; all other connections "
        "work as before.",
        what_to_do="Its member has been asked to reconnect, which makes any copy worthless. If nobody withdrew the "
        "access, find out who else could have read the tokens: a second portal with the same app, a copied database.",
        place=f"/admin/connections/{connection.id}",
        now=now,
    )
