"""Disconnecting: ended here at once, and at the provider as soon as it answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import db, reading, transaction
from portal.models import Connection, Grant
from portal.rules.problems import NotFound
from portal.rules.revocations import Unrevoked, unrevoked
from portal.rules.status import ConnectionState
from portal.services import api_keys, audit, holders, leftovers, offers, reminders
from portal.services.asker import Asker
from portal.services.audit import EventKind

ENDED_BY_BACKEND = "The backend “{}” disconnected it."


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What a disconnection came to: how the provider's part stands, unless nothing of it is left."""

    unrevoked: Unrevoked | None


def disconnect(asker: Asker, connection_id: UUID, *, now: datetime) -> Disconnected:
    """End a member's own connection, or for a backend one of its organization's: from now on it gives no token.

    That holds whatever the provider answers. Raises NotFound for any other. Ending it twice changes nothing.
    """
    leftover_id = _end_here(asker, connection_id, now)
    if leftover_id is not None:
        leftovers.end(leftover_id, now=now)
    return _outcome(connection_id, now)


@transaction
def _end_here(asker: Asker, connection_id: UUID, now: datetime) -> UUID | None:
    """Returns the leftover to be revoked at the provider, if there is one."""
    connection = _within_reach(asker, connection_id)
    if connection.state is ConnectionState.DISCONNECTED:
        return None
    had_tokens = db.session.scalar(select(Grant.access_token.is_not(None)).where(Grant.connection_id == connection.id))
    leftover_id = leftovers.set_aside_tokens_of(asker, connection, leftovers.DISCONNECTED, now=now)
    connection.is_revocation_outstanding = leftover_id is not None
    connection.is_revocation_unsupported = bool(had_tokens) and not offers.can_revoke(connection)
    holders.forget_tokens(connection.id)
    reason = None if asker.key_id is None else ENDED_BY_BACKEND.format(api_keys.show(asker, asker.key_id).name)
    _write(connection, reason=reason, now=now)
    kind = EventKind.CONNECTION_DISCONNECTED
    audit.record(asker, kind, now=now, connection_id=connection.id, member_id=connection.member_id)
    return leftover_id


@reading
def _outcome(connection_id: UUID, now: datetime) -> Disconnected:
    return Disconnected(unrevoked_of(db.session.get_one(Connection, connection_id), now=now))


def unrevoked_of(connection: Connection, *, now: datetime) -> Unrevoked | None:
    """How the provider's part of the connection's end stands; None for one that has not been disconnected."""
    if connection.state is not ConnectionState.DISCONNECTED:
        return None
    return unrevoked(
        is_outstanding=connection.is_revocation_outstanding,
        is_unsupported=bool(connection.is_revocation_unsupported),
        since=connection.state_since,
        now=now,
    )


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


def _write(connection: Connection, *, reason: str | None, now: datetime) -> None:
    connection.state = ConnectionState.DISCONNECTED
    connection.state_since = now
    connection.state_reason = reason
    connection.consent_expires_at = None
    connection.consent_end_source = None
    connection.displaced_by_id = None
    db.session.flush()
    reminders.plan(connection, now=now, is_fresh=False)
