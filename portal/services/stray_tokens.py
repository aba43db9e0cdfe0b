"""Tokens that a refresh has brought too late, for somebody has disconnected or replaced the connection meanwhile.

The provider has made them all the same, so they are parked, sealed, and ended there like everything else that is left
over (services/leftovers.py): nothing that lives stays behind at the provider without anybody knowing of it.
"""

from datetime import datetime
from uuid import UUID

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Sealed, Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import Connection, PendingGrant
from portal.models.columns import new_id
from portal.models.consent import seal_context
from portal.rules.status import ConnectionState
from portal.services import leftovers
from portal.services.token_store import StoredGrant


def end(grant: StoredGrant, answer: TokenAnswer, *, now: datetime) -> None:
    """Have the provider end what it has just given; what it does not confirm is tried again by the tick."""
    leftover_id = _park(grant, answer, now)
    if leftover_id is not None:
        leftovers.end(leftover_id, now=now)


@transaction
def _park(grant: StoredGrant, answer: TokenAnswer, now: datetime) -> UUID | None:
    """Nothing is parked where newer tokens of the same login are in use: to end these might end those."""
    connection = db.session.get(Connection, grant.connection_id, with_for_update=True)
    if connection is None or _is_in_use(connection, grant):
        return None
    leftover_id, is_disconnected = new_id(), connection.state is ConnectionState.DISCONNECTED
    leftover = PendingGrant(
        id=leftover_id,
        organization_id=connection.organization_id,
        member_id=connection.member_id,
        connection_id=connection.id,
        provider_id=grant.provider_id,
        nickname=connection.nickname,
        connector=connection.connector,
        vars=connection.vars,
        seen_generation=grant.generation,
        subject=grant.subject or "",
        subject_label=connection.subject_label,
        scopes=grant.scopes,
        accounts=[],
        token_type=answer.token_type,
        access_token=_sealed(leftover_id, "access_token", answer.access_token),
        refresh_token=answer.refresh_token and _sealed(leftover_id, "refresh_token", answer.refresh_token),
        created_at=now,
        expires_at=now,
        settled_at=now,
        decision=leftovers.DISCONNECTED if is_disconnected else leftovers.REPLACED,
        is_revocation_outstanding=True,
    )
    db.session.add(leftover)
    if is_disconnected:
        connection.is_revocation_outstanding = True
    db.session.flush()
    return leftover_id


def _is_in_use(connection: Connection, grant: StoredGrant) -> bool:
    """Where the login was not known when the refresh began, the newer tokens may be of the same one."""
    return connection.state is ConnectionState.ACTIVE and grant.subject in {None, connection.subject}


def _sealed(leftover_id: UUID, column: str, secret: Secret) -> Sealed:
    return keyring().seal(secret, seal_context(leftover_id, column))
