"""What a backend's token request needs, in one look-up: its key, the connection it asks for, and the token there.

The one path that must be quick: read on the driver, outside of any transaction, and no more columns than the answer
with a fresh token takes. A key is looked at afresh at every request, so that a revocation counts at once everywhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select

from portal.crypto import Sealed, Secret, digest
from portal.db import db
from portal.extensions import keyring
from portal.models import ApiKey, Connection, Grant
from portal.models.grant import seal_context
from portal.quick import QuickSelect
from portal.rules.problems import NotFound, ReconsentRequired, SignInRequired
from portal.rules.status import ConnectionState
from portal.services.refreshing import why

KEY_WRONG = "The API key is unknown, expired or revoked."
KEY_COLUMNS = (ApiKey.id, ApiKey.organization_id, ApiKey.providers, ApiKey.expires_at)
TOKEN_COLUMNS = (
    Connection.provider_id,
    Connection.state,
    Connection.state_since,
    Connection.state_reason,
    Connection.subject,
    Grant.generation,
    Grant.scopes,
    Grant.token_type,
    Grant.access_token,
    Grant.issued_at,
    Grant.access_expires_at,
)
BY_KEY = QuickSelect(
    select(*KEY_COLUMNS, *TOKEN_COLUMNS)
    .select_from(ApiKey)
    .outerjoin(
        Connection,
        (Connection.organization_id == ApiKey.organization_id) & (Connection.id == bindparam("connection_id")),
    )
    .outerjoin(Grant, Grant.connection_id == Connection.id)
    .where(ApiKey.digest == bindparam("digest"), ApiKey.revoked_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class KeyedToken:
    """The token of a connection a key may ask for, as it is stored."""

    key_id: UUID
    organization_id: UUID
    connection_id: UUID
    provider_id: str
    state: ConnectionState
    state_since: datetime
    state_reason: str | None
    subject: str | None
    generation: int
    scopes: str
    token_type: str
    access_token: Sealed | None
    issued_at: datetime
    access_expires_at: datetime | None

    @property
    def life(self) -> timedelta | None:
        """The access token's whole life; None when it never expires."""
        return None if self.access_expires_at is None else self.access_expires_at - self.issued_at

    def secret(self, column: str) -> Secret | None:
        """The opened `access_token`."""
        sealed: Sealed | None = getattr(self, column)
        return None if sealed is None else keyring().open(sealed, seal_context(self.connection_id, column))


def read(key: str, connection_id: UUID, *, now: datetime) -> KeyedToken:
    """The token behind a key's connection, fresh or not.

    Raises SignInRequired for a key that is unknown, revoked or past its end, NotFound for a connection outside its
    organization or its providers, and ReconsentRequired where nobody has connected yet.
    """
    row = BY_KEY.first(db.engine, {"digest": digest(key), "connection_id": connection_id})
    if row is None:
        raise SignInRequired(KEY_WRONG)
    key_id, organization_id, providers, expires_at, *stored = row
    if expires_at is not None and expires_at <= now:
        raise SignInRequired(KEY_WRONG)
    provider_id, state, state_since, _reason, _subject, generation, *_rest = stored
    if provider_id is None or (providers is not None and provider_id not in providers.split()):
        raise NotFound
    if generation is None:
        raise ReconsentRequired(why(state, None), state_since)
    return KeyedToken(key_id, organization_id, connection_id, *stored)
