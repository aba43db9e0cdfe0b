"""A grant's tokens as they are stored: read as a value, leased for a refresh, and written only over what was seen.

Races: two processes may find the same token too old, a worker may die with a rotated token in its hands, a person may
reconsent while a refresh is under way. Every write here therefore names the generation it has seen, and only the holder
of the lease talks to the provider.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Update, bindparam, select, update
from sqlalchemy.orm import InstrumentedAttribute

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Sealed, Secret
from portal.db import db, reading, rows_changed, transaction
from portal.extensions import keyring
from portal.models import ApiKey, Connection, Grant
from portal.models.grant import seal_context
from portal.quick import QuickSelect
from portal.rules import freshness
from portal.rules.status import ConnectionState
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """What a refresh, or an answer with a fresh token, needs to know of a connection."""

    connection_id: UUID
    organization_id: UUID
    provider_id: str
    state: ConnectionState
    state_since: datetime
    state_reason: str | None
    subject: str | None
    consent_expires_at: datetime | None
    generation: int
    scopes: str
    token_type: str
    access_token: Sealed | None
    refresh_token: Sealed | None
    issued_at: datetime
    access_expires_at: datetime | None
    failures: int
    lease_owner: str | None
    lease_until: datetime | None

    @property
    def life(self) -> timedelta | None:
        """The access token's whole life; None when it never expires."""
        return None if self.access_expires_at is None else self.access_expires_at - self.issued_at

    def secret(self, column: str) -> Secret | None:
        """The opened `access_token` or `refresh_token`."""
        sealed: Sealed | None = getattr(self, column)
        return None if sealed is None else keyring().open(sealed, seal_context(self.connection_id, column))


COLUMNS = (
    Connection.id,
    Connection.organization_id,
    Connection.provider_id,
    Connection.state,
    Connection.state_since,
    Connection.state_reason,
    Connection.subject,
    Connection.consent_expires_at,
    Grant.generation,
    Grant.scopes,
    Grant.token_type,
    Grant.access_token,
    Grant.refresh_token,
    Grant.issued_at,
    Grant.access_expires_at,
    Grant.failures,
    Grant.lease_owner,
    Grant.lease_until,
)
KEY_COLUMNS = (ApiKey.id, ApiKey.organization_id, ApiKey.revoked_at, ApiKey.expires_at)


def _stored() -> Select[*tuple[Any, ...]]:
    return select(*COLUMNS).join_from(Connection, Grant, Grant.connection_id == Connection.id)


_OWN_OF_KEY = (Connection.organization_id == ApiKey.organization_id) & (Connection.id == bindparam("connection_id"))
BY_ID = _stored().where(Connection.id == bindparam("connection_id"))
BY_KEY = QuickSelect(
    select(*KEY_COLUMNS, *COLUMNS)
    .select_from(ApiKey)
    .outerjoin(
        Connection,
        (Connection.organization_id == ApiKey.organization_id) & (Connection.id == bindparam("connection_id")),
    )
    .outerjoin(Grant, Grant.connection_id == Connection.id)
    .where(ApiKey.digest == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class KeyedGrant:
    """An API key, and the connection it asked for as far as its organization has one; `grant` is None while invited."""

    key_id: UUID
    organization_id: UUID
    is_usable: bool
    is_found: bool
    state: ConnectionState | None
    state_since: datetime | None
    grant: StoredGrant | None


def read_by_key(key_digest: bytes, connection_id: UUID, *, now: datetime) -> KeyedGrant | None:
    """Key, connection and grant in one look-up without a transaction; None for an unknown key."""
    row = BY_KEY.first(db.engine, {"digest": key_digest, "connection_id": connection_id})
    if row is None:
        return None
    key_id, organization_id, revoked_at, expires_at, *stored = row
    is_found = stored[0] is not None
    return KeyedGrant(
        key_id=key_id,
        organization_id=organization_id,
        is_usable=revoked_at is None and (expires_at is None or now < expires_at),
        is_found=is_found,
        state=stored[3],
        state_since=stored[4],
        grant=StoredGrant(*stored) if is_found and stored[8] is not None else None,
    )


@reading
def read(connection_id: UUID) -> StoredGrant | None:
    """The grant as it stands now; None where there is none."""
    row = db.session.execute(BY_ID, {"connection_id": connection_id}).first()
    return None if row is None else StoredGrant(*row)


@transaction
def lease(grant: StoredGrant, owner: str, *, until: datetime, now: datetime) -> bool:
    """Take the lease on exactly this generation; False when somebody else has it or the tokens have changed."""
    free = Grant.lease_until.is_(None) | (Grant.lease_until <= now)
    return _is_won(_of(grant).where(free).values(lease_owner=owner, lease_until=until))


@transaction
def store(grant: StoredGrant, answer: TokenAnswer, *, early: float = freshness.EARLY, now: datetime) -> bool:
    """Write a refresh's tokens over the generation it began with; False when those tokens were replaced meanwhile."""
    is_rotation = answer.refresh_token is not None
    values = {
        "generation": grant.generation + 1,
        "access_token": _sealed(grant, "access_token", answer.access_token),
        "token_type": answer.token_type,
        "issued_at": now,
        "access_expires_at": answer.expires_at,
        "refresh_due_at": _due_at(grant.connection_id, answer.expires_at, early, now),
        "failures": 0,
        "last_fault": None,
        "lease_owner": None,
        "lease_until": None,
    }
    if answer.refresh_token is not None:
        values["refresh_token"] = _sealed(grant, "refresh_token", answer.refresh_token)
    if answer.scopes is not None:
        values["scopes"] = " ".join(sorted(answer.scopes))
    is_stored = _is_won(_of(grant).values(values))
    if is_stored and is_rotation:
        audit.record(
            _portal(grant),
            EventKind.GRANT_ROTATED,
            now=now,
            connection_id=grant.connection_id,
            generation=grant.generation + 1,
        )
    return is_stored


@transaction
def postpone(grant: StoredGrant, fault: str, *, until: datetime, is_answer_lost: bool, now: datetime) -> bool:
    """Note a failure that says nothing about the credentials, and when to try again; a late loser changes nothing.

    After a lost answer the row keeps who asked last: should the token turn out dead, that is the reason to tell.
    """
    values = {
        "failures": grant.failures + 1,
        "last_fault": fault,
        "last_fault_at": now,
        "refresh_due_at": until,
        "lease_until": None,
    }
    if not is_answer_lost:
        values["lease_owner"] = None
    return _is_won(_of(grant).values(values))


@transaction
def stop(grant: StoredGrant) -> bool:
    """No more background refreshes of these tokens."""
    return _is_won(_of(grant).values(refresh_due_at=None, lease_owner=None, lease_until=None))


@transaction
def claim_due(*, now: datetime, again_at: datetime, most: int) -> tuple[tuple[UUID, str], ...]:
    """Claim the grants longest due and those whose refresher died; they come up again at `again_at` if nothing is done.

    Returns pairs of connection id and provider id.
    """
    orphaned = _claimed(Grant.lease_until <= now, Grant.lease_until, again_at, most)
    return orphaned + _claimed(Grant.refresh_due_at <= now, Grant.refresh_due_at, again_at, most)


def _claimed(
    condition: ColumnElement[bool], order: InstrumentedAttribute[datetime | None], again_at: datetime, most: int
) -> tuple[tuple[UUID, str], ...]:
    ids = select(Grant.connection_id).where(condition).order_by(order).limit(most)
    claiming = update(Grant).where(Grant.connection_id.in_(ids), condition)
    claimed = claiming.values(refresh_due_at=again_at, lease_until=None)
    rows = db.session.execute(claimed.returning(Grant.connection_id, Grant.provider_id))
    return tuple((connection_id, provider_id) for connection_id, provider_id in rows)


def _of(grant: StoredGrant) -> Update:
    return update(Grant).where(Grant.connection_id == grant.connection_id, Grant.generation == grant.generation)


def _is_won(statement: Update) -> bool:
    return rows_changed(statement) == 1


def _sealed(grant: StoredGrant, column: str, secret: Secret) -> Sealed:
    return keyring().seal(secret, seal_context(grant.connection_id, column))


def _due_at(connection_id: UUID, expires_at: datetime | None, early: float, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    return freshness.refresh_at(now, expires_at, jitter=freshness.jitter_of(connection_id), early=early)


def _portal(grant: StoredGrant) -> Asker:
    return Asker.portal(grant.organization_id)
