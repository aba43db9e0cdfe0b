"""Disconnecting: ended here at once, and at the provider as soon as it answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import db, transaction
from portal.models import Connection
from portal.rules.problems import NotFound
from portal.rules.status import ConnectionState
from portal.services import audit, holders, leftovers, reminders
from portal.services.asker import Asker
from portal.services.audit import EventKind


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What a disconnection came to; `is_revocation_outstanding` while the provider has not confirmed its part."""

    is_revocation_outstanding: bool


def disconnect(asker: Asker, connection_id: UUID, *, now: datetime) -> Disconnected:
    """End one of the asker's connections: no token is given out from now on, whatever the provider answers.

    Raises NotFound for anybody else's. Ending it twice changes nothing.
    """
    leftover_id = _end_here(asker, connection_id, now)
    is_ended = leftover_id is None or leftovers.end(leftover_id, now=now)
    return Disconnected(is_revocation_outstanding=not is_ended)


@transaction
def _end_here(asker: Asker, connection_id: UUID, now: datetime) -> UUID | None:
    """Returns the leftover to be revoked at the provider, if there is one."""
    own = select(Connection).where(Connection.id == connection_id, Connection.member_id == asker.own_id)
    own = own.where(Connection.organization_id == asker.organization_id).with_for_update()
    connection = db.session.scalar(own)
    if connection is None:
        raise NotFound
    if connection.state is ConnectionState.DISCONNECTED:
        return None
    leftover_id = leftovers.set_aside_tokens_of(asker, connection, leftovers.DISCONNECTED, now=now)
    holders.forget_tokens(connection.id)
    _write(connection, is_outstanding=leftover_id is not None, now=now)
    kind = EventKind.CONNECTION_DISCONNECTED
    audit.record(asker, kind, now=now, connection_id=connection.id, member_id=connection.member_id)
    return leftover_id


def _write(connection: Connection, *, is_outstanding: bool, now: datetime) -> None:
    connection.state = ConnectionState.DISCONNECTED
    connection.state_since = now
    connection.state_reason = None
    connection.consent_expires_at = None
    connection.consent_end_source = None
    connection.displaced_by_id = None
    connection.is_revocation_outstanding = is_outstanding
    db.session.flush()
    reminders.plan(connection, now=now, is_fresh=False)
