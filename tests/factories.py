"""The cast and the things of the tests: Ana and her colleagues at Acme, Eve at Globex."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from portal.crypto import Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import Connection, Grant, Member, Organization
from portal.models.columns import new_id
from portal.models.grant import seal_context
from portal.rules.roles import Role
from portal.rules.status import HOLDING, ConnectionState
from portal.services.asker import Asker

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)  # a Tuesday, far from any change of clocks


@dataclass(frozen=True)
class Person:
    """One of the cast."""

    id: UUID
    organization_id: UUID
    name: str
    email: str
    role: Role

    @property
    def asker(self) -> Asker:
        return Asker.member(self.organization_id, self.id, self.role)


@dataclass(frozen=True)
class World:
    """Ana (member), Ben (member), Chloe (org admin), Dmitri (team owner) at Acme; Eve (org admin) at Globex."""

    acme: UUID
    globex: UUID
    ana: Person
    ben: Person
    chloe: Person
    dmitri: Person
    eve: Person


@transaction
def make_world(*, now: datetime = NOON) -> World:
    acme = make_organization("Acme", "acme", now=now)
    globex = make_organization("Globex", "globex", now=now)
    return World(
        acme=acme,
        globex=globex,
        ana=make_member(acme, "Ana Alvarez", "ana@acme.example", team="Press", now=now),
        ben=make_member(acme, "Ben Brandt", "ben@acme.example", team="Press", now=now),
        chloe=make_member(acme, "Chloe Chen", "chloe@acme.example", Role.ORG_ADMIN, now=now),
        dmitri=make_member(acme, "Dmitri Dahl", "dmitri@acme.example", Role.TEAM_OWNER, team="Press", now=now),
        eve=make_member(globex, "Eve Evans", "eve@globex.example", Role.ORG_ADMIN, now=now),
    )


@transaction
def make_organization(name: str, slug: str, *, now: datetime = NOON, time_zone: str = "UTC") -> UUID:
    organization = Organization(id=new_id(), name=name, slug=slug, time_zone=time_zone, created_at=now)
    db.session.add(organization)
    db.session.flush()
    return organization.id


@transaction
def make_member(
    organization_id: UUID,
    name: str,
    email: str,
    role: Role = Role.MEMBER,
    *,
    team: str | None = None,
    now: datetime = NOON,
) -> Person:
    member = Member(
        id=new_id(), organization_id=organization_id, name=name, email=email, role=role, team=team, created_at=now
    )
    db.session.add(member)
    db.session.flush()
    return Person(member.id, organization_id, name, email, role)


@transaction
def make_connection(
    owner: Person,
    *,
    provider_id: str = "demo-social",
    nickname: str = "Company page",
    subject: str | None = None,
    state: ConnectionState = ConnectionState.ACTIVE,
    consent_ends_in: timedelta | None = timedelta(days=30),
    access_ends_in: timedelta | None = timedelta(hours=1),
    access_token: str = "access-1",
    refresh_token: str | None = "refresh-1",
    scopes: str = "openid profile",
    now: datetime = NOON,
) -> UUID:
    """A connection of `owner` with its grant sealed, as an accepted consent at `now` would have left it."""
    connection = Connection(
        id=new_id(),
        organization_id=owner.organization_id,
        member_id=owner.id,
        provider_id=provider_id,
        nickname=nickname,
        state=state,
        state_since=now,
        consent_expires_at=None if consent_ends_in is None else now + consent_ends_in,
        consent_end_source="response",
        subject=(subject or f"sub-{new_id().hex}") if state in HOLDING else subject,
        subject_label=f"{owner.name} (login)",
        created_at=now,
        connected_at=now,
        consented_at=now,
    )
    db.session.add(connection)
    db.session.flush()
    if state in HOLDING:
        _add_grant(connection, access_token, refresh_token, scopes, access_ends_in, now)
    return connection.id


def _add_grant(
    connection: Connection,
    access_token: str,
    refresh_token: str | None,
    scopes: str,
    access_ends_in: timedelta | None,
    now: datetime,
) -> None:
    ends_at = None if access_ends_in is None else now + access_ends_in
    grant = Grant(
        connection_id=connection.id,
        organization_id=connection.organization_id,
        provider_id=connection.provider_id,
        generation=1,
        scopes=scopes,
        accounts=[],
        token_type="Bearer",
        access_token=keyring().seal(Secret(access_token), seal_context(connection.id, "access_token")),
        refresh_token=refresh_token
        and keyring().seal(Secret(refresh_token), seal_context(connection.id, "refresh_token")),
        issued_at=now,
        access_expires_at=ends_at,
        refresh_due_at=ends_at and now + (ends_at - now) * 0.75,
    )
    db.session.add(grant)
    db.session.flush()
