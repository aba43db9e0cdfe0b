"""What admins see of their organization's service connections: how each stands, and which key is behind it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, Select, select

from portal.db import db, reading
from portal.extensions import catalog
from portal.models import Connection, Grant, Member, Organization, ServiceKey
from portal.rules.problems import NotFound
from portal.rules.status import Status, status_of
from portal.services import entries, offers, service_keys
from portal.services.asker import Asker
from portal.services.offers import Offer
from portal.services.policy import policy_of
from portal.services.service_keys import KeyFacts


@dataclass(frozen=True, slots=True)
class ServiceConnection:
    """One of them; `key` is None where our app speaks for itself, and once it is disconnected.

    `entered` pairs each entry's name with its value.
    """

    id: UUID
    provider: Offer
    nickname: str
    login: str | None
    status: Status
    state_since: datetime
    state_reason: str | None
    member_name: str
    connected_at: datetime | None
    access_expires_at: datetime | None
    scopes: tuple[str, ...]
    connector: str | None
    vars: dict[str, str]
    entered: tuple[tuple[str, str], ...]
    key: KeyFacts | None

    @property
    def can_disconnect(self) -> bool:
        """Whether there is anything left to end."""
        return self.status is not Status.DISCONNECTED

    @property
    def can_try_again(self) -> bool:
        """Whether the stored key could have become good again at the provider."""
        return self.status is Status.NEEDS_RECONSENT


@reading
def all_of(asker: Asker, *, now: datetime) -> tuple[ServiceConnection, ...]:
    """All of the organization's, those with a key that ends first."""
    rows = db.session.execute(_of(asker).order_by(ServiceKey.ends_at, Connection.nickname, Connection.id))
    return tuple(_listed(row, now) for row in rows)


@reading
def one(asker: Asker, connection_id: UUID, *, now: datetime) -> ServiceConnection:
    """One of them; raises NotFound for any other."""
    row = db.session.execute(_of(asker).where(Connection.id == connection_id)).first()
    if row is None:
        raise NotFound
    return _listed(row, now)


def _of(asker: Asker) -> Select[Connection, Grant, ServiceKey, Organization, str]:
    services = [provider.id for provider in catalog().all if provider.kind.is_service]
    found = select(Connection, Grant, ServiceKey, Organization, Member.name)
    found = found.outerjoin(Grant, Grant.connection_id == Connection.id)
    found = found.outerjoin(ServiceKey, ServiceKey.connection_id == Connection.id)
    found = found.join(Organization, Organization.id == Connection.organization_id)
    found = found.join(Member, Member.id == Connection.member_id)
    return found.where(Connection.organization_id == asker.organization_id, Connection.provider_id.in_(services))


def _listed(row: Row[Connection, Grant, ServiceKey, Organization, str], now: datetime) -> ServiceConnection:
    connection: Connection = row.Connection
    grant: Grant | None = row.Grant
    key: ServiceKey | None = row.ServiceKey
    lead = policy_of(row.Organization).lead
    return ServiceConnection(
        id=connection.id,
        provider=offers.named(connection.provider_id),
        nickname=connection.nickname,
        login=connection.subject_label or connection.subject,
        status=status_of(connection.state, connection.consent_expires_at, now=now, lead=lead),
        state_since=connection.state_since,
        state_reason=connection.state_reason,
        member_name=row.name,
        connected_at=connection.connected_at,
        access_expires_at=grant.access_expires_at if grant is not None else None,
        scopes=tuple(grant.scopes.split()) if grant is not None else (),
        connector=connection.connector,
        vars=dict(connection.vars or {}),
        entered=tuple(_entered(connection)),
        key=service_keys.facts_of(key) if key is not None else None,
    )


def _entered(connection: Connection) -> list[tuple[str, str]]:
    """The entries by the words they were asked for with; what stayed empty is left out."""
    given = connection.vars or {}
    asked = entries.questions(connection.provider_id)
    return [(question.label, given[question.name]) for question in asked if given.get(question.name)]
