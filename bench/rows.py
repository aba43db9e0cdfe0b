"""A synthetic organization: its members, their connections in every state, the tokens and reminders behind them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import Table

from bench.drivers import Driver
from bench.loading import Value, load
from portal import clock
from portal.db import NEVER, db, transaction
from portal.models import Connection, DayBucket, Grant, Member, Organization, Reminder
from portal.models.bucket import BucketKey
from portal.rules.roles import Role
from portal.rules.status import HOLDING, ConnectionState
from tests import factories

RARE = "Quillfeather"  # the name of one person
FIRST_NAMES = (
    "Ana",
    "Ben",
    "Chloe",
    "Dmitri",
    "Eve",
    "Farid",
    "Grace",
    "Hiro",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Mona",
)
LAST_NAMES = ("Alvarez", "Brandt", "Chen", "Dahl", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jansen", "Kovacs")
PROVIDERS = ("demo-social", "demo-video", "google", "linkedin", "oidc")
TEAMS = 40
CONNECTIONS_A_MEMBER = 10
SCOPES = "email openid profile"
SEALED = b"one:" + bytes(range(92))  # as long as a short sealed token; nothing here is ever opened
LEAD = timedelta(days=14)
LIKELY = {  # how many in a hundred, and between which days from now their consents end
    ConnectionState.ACTIVE: (82, -20, 345),
    ConnectionState.NEEDS_RECONSENT: (5, -60, 0),
    ConnectionState.DISPLACED: (4, -100, 300),
    ConnectionState.DISCONNECTED: (5, -100, 300),
    ConnectionState.INVITED: (4, None, None),
}

COLUMNS = {
    Member: "id, organization_id, email, name, role, team, created_at",
    Connection: "id, organization_id, member_id, provider_id, nickname, state, state_since, consent_expires_at, "
    "subject, subject_label, created_at, connected_at, consented_at, is_revocation_outstanding",
    Grant: "connection_id, organization_id, provider_id, generation, scopes, accounts, token_type, access_token, "
    "refresh_token, issued_at, access_expires_at, refresh_due_at, failures",
    Reminder: "connection_id, organization_id, member_id, next_at, next_step, last_step, last_sent_at",
    DayBucket: "organization_id, day, provider_id, state, connections",
}

Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """What was made: the organization, somebody who may see all of it, and the members' ids as they are stored."""

    organization_id: UUID
    admin_id: UUID
    members: tuple[str, ...]


@dataclass
class _Drawn:
    """The rows of each table, drawn with the same dice at every run."""

    organization_id: UUID
    now: datetime
    dice: Random = field(default_factory=lambda: Random(20261120))
    members: list[Row] = field(default_factory=list)
    connections: list[Row] = field(default_factory=list)
    buckets: Counter[BucketKey] = field(default_factory=Counter)


def populate(connections: int) -> Rows:
    """Fill the database of the portal whose context we are in."""
    now = clock.now()
    organization_id = factories.make_organization("Acme", "acme", now=now)
    _remind_day_and_night(organization_id)
    admin = factories.make_member(organization_id, "Chloe Chen", "chloe.chen@acme.example", Role.ORG_ADMIN, now=now)
    drawn = _Drawn(organization_id, now)
    drawn.members += _members(drawn, max(1, connections // CONNECTIONS_A_MEMBER))
    drawn.connections += _connections(drawn, connections)
    filled = {
        Member: drawn.members,
        Connection: drawn.connections,
        Grant: _grants(drawn),
        Reminder: _reminders(drawn),
        DayBucket: _buckets(drawn),
    }
    driver = Driver(db.engine.url.render_as_string(hide_password=False))
    tables: dict[type, Table] = {model: db.metadata.tables[model.__tablename__] for model in filled}
    load(
        db.engine,
        driver,
        {tables[model]: rows for model, rows in filled.items()},
        {tables[model]: COLUMNS[model] for model in filled},
    )
    driver.close()
    return Rows(organization_id, admin.id, tuple(str(row[0]) for row in drawn.members))


@transaction
def _remind_day_and_night(organization_id: UUID) -> None:
    """Measurements do not wait for the morning."""
    organization = db.session.get_one(Organization, organization_id)
    organization.window_opens_minute, organization.window_closes_minute = 0, 24 * 60


def _members(drawn: _Drawn, count: int) -> Iterator[Row]:
    created_at = stored(drawn.now)
    for number in range(count):
        first, last = drawn.dice.choice(FIRST_NAMES), drawn.dice.choice(LAST_NAMES)
        name = f"{first} {RARE}" if number == count // 2 else f"{first} {last}"
        email = f"{name.lower().replace(' ', '.')}.{number}@acme.example"
        team = f"Team {number % TEAMS:02}"
        yield _id(drawn, number), drawn.organization_id.hex, email, name, "member", team, created_at


def _connections(drawn: _Drawn, count: int) -> Iterator[Row]:
    dice, created_at = drawn.dice, stored(drawn.now - timedelta(days=100))
    states = dice.choices(list(LIKELY), [percent for percent, _, _ in LIKELY.values()], k=count)
    for number, state in enumerate(states):
        member_id, provider_id = dice.choice(drawn.members)[0], dice.choice(PROVIDERS)
        ends_at = _end(drawn, state)
        drawn.buckets[BucketKey(drawn.organization_id, provider_id, state, ends_at.date())] += 1
        is_invited = state is ConnectionState.INVITED
        subject = None if is_invited else f"sub-{number}"
        label = None if is_invited else f"Login {number}"
        since = None if is_invited else created_at
        identity = (_id(drawn, number), drawn.organization_id.hex, member_id, provider_id, f"Page {number}")
        yield (*identity, state.value, created_at, stored(ends_at), subject, label, created_at, since, since, 0)


def _end(drawn: _Drawn, state: ConnectionState) -> datetime:
    _, earliest, latest = LIKELY[state]
    if earliest is None or latest is None:
        return NEVER
    return drawn.now + timedelta(seconds=drawn.dice.randrange(earliest * 86_400, latest * 86_400))


def _grants(drawn: _Drawn) -> Iterator[Row]:
    issued_at, ends_at = stored(drawn.now), stored(drawn.now + timedelta(hours=1))
    due_at = stored(drawn.now + timedelta(minutes=45))
    for row in _holding(drawn):
        identity, tokens = (row[0], row[1], row[3], 1, SCOPES), (SEALED, SEALED, issued_at, ends_at, due_at, 0)
        yield (*identity, "[]", "Bearer", *tokens)


def _reminders(drawn: _Drawn) -> Iterator[Row]:
    """Nothing is due: every series has its next step ahead of it, or behind it all."""
    lead_begins, soon = stored(drawn.now + LEAD), stored(drawn.now + timedelta(days=1))
    over, now = stored(NEVER), stored(drawn.now)
    for row in _holding(drawn):
        ends_at = str(row[7])
        is_running, is_over = ends_at < lead_begins, ends_at < now
        next_at = over if is_over else soon if is_running else ends_at
        yield (
            row[0],
            row[1],
            row[2],
            next_at,
            None if is_over else 14,
            14 if is_running else None,
            now if is_running else None,
        )


def _holding(drawn: _Drawn) -> Iterator[Row]:
    holding = {state.value for state in HOLDING}
    return (row for row in drawn.connections if row[5] in holding)


def _buckets(drawn: _Drawn) -> Iterator[Row]:
    for key, count in drawn.buckets.items():
        yield key.organization_id.hex, key.day.isoformat(), key.provider_id, key.state.value, count


def _id(drawn: _Drawn, number: int) -> str:
    """A UUIDv7 as it is stored, later ones greater."""
    milliseconds = int(drawn.now.timestamp() * 1000) + number
    return f"{milliseconds:012x}7{drawn.dice.getrandbits(12):03x}8{drawn.dice.getrandbits(60):015x}"


def stored(moment: datetime) -> str:
    """A UTC moment as SQLAlchemy stores it in SQLite, which PostgreSQL understands as well."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
