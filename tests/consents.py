"""Consents for the tests that do without a provider: people with a browser session, trips, and what trips bring."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

from portal.crypto import Secret
from portal.db import db, reading
from portal.extensions import keyring
from portal.models import Connection, Email, Event, Grant, PendingGrant, Reminder
from portal.models.email import EmailKind
from portal.models.grant import seal_context
from portal.rules.comparison import SharedAccount
from portal.services import reconsent, sessions
from portal.services.asker import Asker
from portal.services.attempts import Trip
from portal.services.new_grants import NewGrant
from portal.services.reconsent import Finished
from tests.factories import NOON, Person

SCOPES = frozenset({"openid", "profile", "offline_access"})
PAGE = SharedAccount("page-1", "Company page")
OTHER_PAGE = SharedAccount("page-2", "Jobs page")


def signed_in(person: Person, *, now: datetime = NOON) -> Asker:
    """The person, signed in with a browser of their own."""
    found = sessions.find(sessions.begin(person.id, browser="Test browser", now=now), now=now)
    assert found is not None
    return found.asker


def new_grant(
    subject: str,
    *,
    scopes: frozenset[str] = SCOPES,
    accounts: tuple[SharedAccount, ...] = (PAGE,),
    refresh_token: str | None = "refresh",
    refresh_ends_in: timedelta | None = timedelta(days=60),
    label: str = "",
    now: datetime = NOON,
) -> NewGrant:
    """What a consent of this login brings; its tokens tell it from every other."""
    serial = uuid4().hex[:8]
    return NewGrant(
        subject=subject,
        label=label or f"{subject} ({subject}@example.com)",
        scopes=scopes,
        accounts=accounts,
        token_type="Bearer",
        access_token=Secret(f"access-{subject}-{serial}"),
        refresh_token=Secret(f"{refresh_token}-{subject}-{serial}") if refresh_token else None,
        issued_at=now,
        access_expires_at=now + timedelta(hours=1),
        refresh_expires_at=now + refresh_ends_in if refresh_ends_in else None,
    )


def come_back(
    asker: Asker,
    new: NewGrant,
    *,
    connection_id: UUID | None = None,
    provider_id: str = "demo-social",
    nickname: str = "",
    began_at: datetime = NOON,
    now: datetime = NOON,
) -> Finished:
    """The end of a trip to the provider."""
    trip = Trip(asker, provider_id, connection_id, nickname, "nonce", Secret("verifier"), began_at)
    return reconsent.settle(trip, new, now=now)


def connected(asker: Asker, new: NewGrant, *, nickname: str = "", now: datetime = NOON) -> UUID:
    """A connection made by a first consent that met nobody."""
    finished = come_back(asker, new, nickname=nickname, began_at=now, now=now)
    assert finished.pending_id is None
    assert finished.connection_id is not None
    return finished.connection_id


@dataclass(frozen=True)
class Stored:
    """A connection as the database has it."""

    connection: Connection
    grant: Grant | None
    reminder: Reminder | None

    @property
    def access_token(self) -> str | None:
        return self._opened("access_token")

    @property
    def refresh_token(self) -> str | None:
        return self._opened("refresh_token")

    def _opened(self, column: str) -> str | None:
        sealed = getattr(self.grant, column) if self.grant else None
        return sealed and keyring().open(sealed, seal_context(self.connection.id, column)).reveal()


@reading
def stored(connection_id: UUID) -> Stored:
    found = Stored(
        db.session.get_one(Connection, connection_id),
        db.session.get(Grant, connection_id),
        db.session.get(Reminder, connection_id),
    )
    db.session.expunge_all()  # as it is now, whatever happens later
    return found


@reading
def pending(pending_id: UUID) -> PendingGrant:
    found = db.session.get_one(PendingGrant, pending_id)
    db.session.expunge_all()
    return found


@reading
def outstanding() -> int:
    """How many grants are still to be ended at their providers."""
    return db.session.scalars(select(func.count()).where(PendingGrant.is_revocation_outstanding)).one()


@reading
def event_kinds(connection_id: UUID | None = None) -> list[str]:
    """The kinds of events so far, in order."""
    kinds = select(Event.kind).order_by(Event.id)
    return list(
        db.session.scalars(kinds if connection_id is None else kinds.where(Event.connection_id == connection_id))
    )


@reading
def refusals() -> list[str]:
    """The plain reasons of the refused consents so far."""
    refused = select(Event.facts).where(Event.kind == "consent:refused").order_by(Event.id)
    return [facts["reason"] for facts in db.session.scalars(refused)]


@reading
def displaced_mails() -> list[Email]:
    return list(db.session.scalars(select(Email).where(Email.kind == EmailKind.DISPLACED).order_by(Email.id)))
