"""A member's own connections: listed, looked at, renamed, disconnected."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Row, Select, select
from sqlalchemy.orm import aliased

from portal.db import db, reading, transaction
from portal.extensions import catalog, config
from portal.models import Connection, Grant, Member, Organization
from portal.rules.calendar import event_ics
from portal.rules.comparison import SharedAccount
from portal.rules.names import clean_nickname
from portal.rules.problems import NotFound
from portal.rules.revocations import Unrevoked
from portal.rules.status import Status, status_of
from portal.rules.zones import wall_clock
from portal.services import audit, disconnecting, key_uses, leftover_rounds, offers
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.grants import accounts_from
from portal.services.key_uses import Backend
from portal.services.offers import Offer
from portal.services.policy import policy_of

disconnect = disconnecting.disconnect
finish_revocations = leftover_rounds.end_all

IDENTITY_SCOPES = frozenset({"openid", "profile", "email"})  # Google answers these by other names


@dataclass(frozen=True, slots=True)
class MyConnection:
    """One of a member's connections as their list shows it; `can_revoke` if its provider may be asked to end it."""

    id: UUID
    provider: Offer
    nickname: str
    status: Status
    login: str | None
    connected_at: datetime | None
    consent_expires_at: datetime | None
    can_revoke: bool

    @property
    def is_invitation(self) -> bool:
        """Whether its member has still to connect it for the first time."""
        return self.status is Status.INVITED

    @property
    def is_live(self) -> bool:
        """Whether it holds its login, so that its next date means something."""
        return self.status.is_live

    @property
    def needs_its_member(self) -> bool:
        """Whether its member should act now."""
        return self.status in (Status.INVITED, Status.ENDING, Status.ENDED, Status.NEEDS_RECONSENT)

    @property
    def can_disconnect(self) -> bool:
        """Whether there is anything left to end."""
        return self.status is not Status.DISCONNECTED


@dataclass(frozen=True, slots=True)
class ConnectionDetails:
    """What its member may know of a connection beyond its line in the list.

    `consent_end_source` says where the date comes from (`response`, `introspection`, `catalog`, `policy`, `import`).
    `displaced_by` names a colleague's or an own connection that took the login, and nothing where it was another
    organization's.
    """

    connection: MyConnection
    state_since: datetime
    state_reason: str | None
    consented_at: datetime | None
    consent_end_source: str | None
    scopes: tuple[str, ...]
    required_missing: tuple[str, ...]
    accounts: tuple[SharedAccount, ...]
    displaced_by: str | None
    unrevoked: Unrevoked | None
    backends: tuple[Backend, ...]


@reading
def mine(asker: Asker, *, now: datetime) -> tuple[MyConnection, ...]:
    """The asker's connections, soonest end first; those without a date come last."""
    rows = db.session.execute(_own(asker).order_by(Connection.consent_expires_at, Connection.id))
    return tuple(_listed(row, now) for row in rows)


@reading
def one(asker: Asker, connection_id: UUID, *, now: datetime) -> MyConnection:
    """One of the asker's connections; raises NotFound for anybody else's."""
    return _listed(_row(asker, connection_id), now)


@reading
def show(asker: Asker, connection_id: UUID, *, now: datetime) -> ConnectionDetails:
    """Everything about one of the asker's connections; raises NotFound for anybody else's."""
    row = _row(asker, connection_id)
    connection, grant = row.Connection, row.Grant
    scopes = tuple(grant.scopes.split()) if grant else ()
    return ConnectionDetails(
        connection=_listed(row, now),
        state_since=connection.state_since,
        state_reason=connection.state_reason,
        consented_at=connection.consented_at,
        consent_end_source=connection.consent_end_source,
        scopes=scopes,
        required_missing=_required_missing(connection, scopes) if grant else (),
        accounts=accounts_from(grant.accounts) if grant else (),
        displaced_by=_displacer(asker, connection),
        unrevoked=disconnecting.unrevoked_of(connection, now=now),
        backends=key_uses.backends(asker, connection_id, connection.provider_id, now=now),
    )


@transaction
def rename(asker: Asker, connection_id: UUID, nickname: str, *, now: datetime) -> None:
    """Give one of the asker's connections another nickname; raises NotFound or InvalidRequest about `nickname`."""
    connection, name = _row(asker, connection_id).Connection, clean_nickname(nickname)
    if connection.nickname == name:
        return
    facts = {"was": connection.nickname, "nickname": name}
    connection.nickname = name
    audit.record(
        asker,
        EventKind.CONNECTION_RENAMED,
        now=now,
        connection_id=connection_id,
        member_id=connection.member_id,
        **facts,
    )


@reading
def calendar_file(asker: Asker, connection_id: UUID, *, zone: str, now: datetime) -> str:
    """The day a human is next needed as an .ics file; raises NotFound where no such day is known."""
    connection = _listed(_row(asker, connection_id), now)
    if connection.consent_expires_at is None:
        raise NotFound
    public_url = config().public_url
    return event_ics(
        uid=f"{connection.id}@{urlsplit(public_url).hostname}",
        summary=f"Reconnect {connection.provider.name}: {connection.nickname}",
        description=f"The consent ends on this day. Reconnect here: {public_url}/connections/{connection.id}",
        starts_on=wall_clock(connection.consent_expires_at, zone).date(),
        now=now,
    )


def _own(asker: Asker) -> Select[Connection, Grant, Organization]:
    found = select(Connection, Grant, Organization).outerjoin(Grant, Grant.connection_id == Connection.id)
    found = found.join(Organization, Organization.id == Connection.organization_id)
    return found.where(Connection.organization_id == asker.organization_id, Connection.member_id == asker.own_id)


def _row(asker: Asker, connection_id: UUID) -> Row[Connection, Grant, Organization]:
    row = db.session.execute(_own(asker).where(Connection.id == connection_id)).first()
    if row is None:
        raise NotFound
    return row


def _listed(row: Row[Connection, Grant, Organization], now: datetime) -> MyConnection:
    connection, lead = row.Connection, policy_of(row.Organization).lead
    return MyConnection(
        id=connection.id,
        provider=offers.named(connection.provider_id),
        nickname=connection.nickname,
        status=status_of(connection.state, connection.consent_expires_at, now=now, lead=lead),
        login=connection.subject_label or connection.subject,
        connected_at=connection.connected_at,
        consent_expires_at=connection.consent_expires_at,
        can_revoke=offers.can_revoke(connection),
    )


def _required_missing(connection: Connection, scopes: tuple[str, ...]) -> tuple[str, ...]:
    """What was asked for, cannot be done without and was not given; who signed in is proved otherwise."""
    provider = catalog().get(connection.provider_id, connection.connector)
    required = provider.authorize.scope.required if provider else frozenset()
    return tuple(sorted(required - IDENTITY_SCOPES - frozenset(scopes)))


def _displacer(asker: Asker, displaced: Connection) -> str | None:
    """Who took the login, as far as its former holder may know."""
    if displaced.displaced_by_id is None:
        return None
    other = aliased(Connection)
    found = select(other.member_id, other.nickname, Member.name).join(Member, Member.id == other.member_id)
    seen = found.where(other.id == displaced.displaced_by_id, other.organization_id == asker.organization_id)
    row = db.session.execute(seen).first()
    if row is None:
        return None
    return f"your connection “{row.nickname}”" if row.member_id == asker.member_id else str(row.name)
