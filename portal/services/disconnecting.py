"""Disconnecting: ended here at once, and at the provider as soon as it answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import db, transaction
from portal.models import Connection
from portal.rules.problems import NotFound
from portal.rules.status import ConnectionState
from portal.services import api_keys, audit, holders, leftovers, reminders
from portal.services.asker import Asker
from portal.services.audit import EventKind

ENDED_BY_BACKEND = "The backend “{}” disconnected it."


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What a disconnection came to; `is_revocation_outstanding` while the provider has not confirmed its part."""

    is_revocation_outstanding: bool


def disconnect(asker: Asker, connection_id: UUID, *, now: datetime) -> Disconnected:
    """End a member's own connection, or for a backend one of its organization's: from now on it gives no token.

    That holds whatever the provider answers. Raises NotFound for any other. Ending it twice changes nothing.
    """
    leftover_id = _end_here(asker, connection_id, now)
    is_ended = leftover_id is None or leftovers.end(leftover_id, now=now)
    return Disconnected(is_revocation_outstanding=not is_ended)


@transaction
def _end_here(asker: Asker, connection_id: UUID, now: datetime) -> UUID | None:
    """Returns the leftover to be revoked at the provider, if there is one."""
    connection = _within_reach(asker, connection_id)
    if connection.state is ConnectionState.DISCONNECTED:
        return None
    leftover_id = leftovers.set_aside_tokens_of(asker, connection, leftovers.DISCONNECTED, now=now)
    holders.forget_tokens(connection.id)
    reason = None if asker.key_id is None else ENDED_BY_BACKEND.format(api_keys.show(asker, asker.key_id).name)
    _write(connection, reason=reason, is_outstanding=leftover_id is not None, now=now)
    kind = EventKind.CONNECTION_DISCONNECTED
    audit.record(asker, kind, now=now, connection_id=connection.id, member_id=connection.member_id)
    return leftover_id


def _within_reach(asker: Asker, connection_id: UUID) -> Connection:
    reached = select(Connection).where(
        Connection.id == connection_id, Connection.organization_id == asker.organization_id
    )
    if asker.key_id is None:
        reached = reached.where(Connection.member_id == asker.own_id)
    connection = db.session.scalar(reached.with_for_update())
    if connection is None or not asker.reaches(connection.provider_id):
        raise NotFound
    return connection


def _write(connection: Connection, *, reason: str | None, is_outstanding: bool, now: datetime) -> None:
    connection.state = ConnectionState.DISCONNECTED
    connection.state_since = now
    connection.state_reason = reason
    connection.consent_expires_at = None
    connection.consent_end_source = None
    connection.displaced_by_id = None
    connection.is_revocation_outstanding = is_outstanding
    db.session.flush()
    reminders.plan(connection, now=now, is_fresh=False)
