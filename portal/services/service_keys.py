"""The stored keys of service connections: sealed, opened only to sign, and wiped when their connection ends."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from portal.adapters.assertions import ServiceKey as OpenKey
from portal.adapters.key_files import KeyFile
from portal.db import db, reading
from portal.extensions import keyring
from portal.models import Connection, ServiceKey
from portal.models.service_key import seal_context
from portal.rules.problems import NotFound
from portal.rules.service_keys import EndSource
from portal.services import offers
from portal.services.asker import Asker


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What people may know of a key: never the key itself. `ends_at` is None where nothing states an end."""

    fingerprint: str
    key_id: str
    algorithm: str
    ends_at: datetime | None
    end_source: EndSource | None
    uploaded_at: datetime


@dataclass(frozen=True, slots=True)
class Keyed:
    """A service connection as far as its key is concerned: whose it is, and what was entered for it."""

    member_id: UUID
    provider_id: str
    connector: str | None
    vars: Mapping[str, str] | None


@reading
def find(asker: Asker, connection_id: UUID) -> Keyed:
    """One of the organization's service connections; raises NotFound for any other."""
    found = locked(asker, connection_id)
    return Keyed(found.member_id, found.provider_id, found.connector, found.vars)


def locked(asker: Asker, connection_id: UUID) -> Connection:
    """Its row, locked until the transaction around us ends; raises NotFound as `find` does."""
    own = select(Connection).where(Connection.id == connection_id)
    own = own.where(Connection.organization_id == asker.organization_id)
    connection = db.session.scalar(own.with_for_update())
    if connection is None or not offers.is_service(connection.provider_id):
        raise NotFound
    return connection


def put(asker: Asker, connection: Connection, key: KeyFile, *, now: datetime) -> None:
    """Keep a key that has proved itself, in place of the connection's earlier one, in the transaction around us."""
    row = db.session.get(ServiceKey, connection.id)
    if row is None:
        row = ServiceKey(connection_id=connection.id, organization_id=connection.organization_id)
        db.session.add(row)
    row.secret = keyring().seal(key.secret, seal_context(connection.id))
    row.algorithm, row.key_id, row.fingerprint = key.algorithm, key.key_id, key.fingerprint
    row.ends_at, row.end_source = key.ends_at, key.end_source
    row.uploaded_at, row.uploaded_by_id = now, asker.member_id
    db.session.flush()


def wipe(connection_id: UUID) -> None:
    """Forget the connection's key, in the transaction around us."""
    db.session.execute(
        delete(ServiceKey).where(ServiceKey.connection_id == connection_id).execution_options(synchronize_session=False)
    )


@reading
def opened(connection_id: UUID) -> OpenKey | None:
    """The connection's key, open to sign with; None where it has none (any more)."""
    row = db.session.get(ServiceKey, connection_id)
    if row is None:
        return None
    return OpenKey(keyring().open(row.secret, seal_context(connection_id)), row.algorithm, row.key_id)


def facts_of(row: ServiceKey) -> KeyFacts:
    """A stored key as people may see it."""
    return KeyFacts(row.fingerprint, row.key_id, row.algorithm, row.ends_at, row.end_source, row.uploaded_at)


def ending_before(moment: datetime) -> tuple[tuple[Connection, KeyFacts], ...]:
    """The keys with an end before this moment and their connections, soonest first."""
    found = select(Connection, ServiceKey).join(ServiceKey, ServiceKey.connection_id == Connection.id)
    rows = db.session.execute(found.where(ServiceKey.ends_at <= moment).order_by(ServiceKey.ends_at))
    return tuple((connection, facts_of(row)) for connection, row in rows)
