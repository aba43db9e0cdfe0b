"""Consent: away to the provider and back, compared, and accepted at once or parked for `services/decisions.py`.

The provider is talked to between transactions, never inside one. Until a new grant is accepted nothing of the old one
is touched, whatever goes wrong: a process killed here costs its person one more try and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import after_commit, db, reading, transaction
from portal.models import Connection
from portal.rules.names import clean_nickname
from portal.rules.problems import Conflict, InvalidRequest, NotFound
from portal.rules.status import ConnectionState
from portal.services import (
    attempts,
    audit,
    callbacks,
    cases,
    leftovers,
    offers,
    pending_grants,
    provider_visits,
    races,
)
from portal.services.asker import Asker
from portal.services.attempts import Start, Ticket, Trip
from portal.services.audit import EventKind
from portal.services.cases import Case
from portal.services.new_grants import NewGrant


@dataclass(frozen=True, slots=True)
class Finished:
    """Where a trip ended: `pending_id` is set when the member has to decide, and then `connection_id` may be None."""

    connection_id: UUID | None
    pending_id: UUID | None = None
    is_first: bool = False


def begin(
    asker: Asker,
    *,
    connection_id: UUID | None = None,
    provider_id: str | None = None,
    nickname: str | None = None,
    choose_account: bool = False,
    now: datetime,
) -> str:
    """Start a trip to the provider, for a connection of the asker's or for a new one at `provider_id`.

    Returns the address of the approval page. An empty nickname means the login's own name, once it is known.
    `choose_account` makes the provider ask which login is meant. Raises NotFound, ProviderNotConfigured, or
    ProviderUnavailable and ProviderRefused when the page cannot be had.
    """
    if connection_id is not None:
        start = _start_again(asker, connection_id)
    elif provider_id is not None:
        start = Start(provider_id, None, clean_nickname(nickname) if nickname else "")
    else:
        raise InvalidRequest({"provider": "Choose a provider."})
    ticket = Ticket.draw()
    url = provider_visits.approval_url(start, ticket, choose_account=choose_account)
    attempts.store(asker, start, ticket, now=now)
    return url


def finish(asker: Asker, provider_id: str, params: Mapping[str, str], *, now: datetime) -> Finished:
    """Take the provider's answer: accepted at once where nothing differs, else parked for the member's decision.

    Raises ConsentAttemptInvalid, ConsentAttemptExpired, ConsentDenied, IdentityUnverified, ProviderRefused or
    ProviderUnavailable; then nothing has changed, and the plain reason is in the log and the audit log.
    """
    trip = attempts.spend(asker, provider_id, params.get("state", ""), now=now)
    new = callbacks.new_grant(trip, params, now=now)
    return settle(trip, new, now=now)


def settle(trip: Trip, new: NewGrant, *, now: datetime) -> Finished:
    """Accept or park what a trip has brought; whoever loses a race for the login is asked, not overruled.

    Raises NotFound, or Conflict when the connection was disconnected while its person was at the provider.
    """
    finished = races.settled(lambda: _settle(trip, new, now=now))
    if finished.connection_id is None and finished.pending_id is None:
        attempts.refuse(trip, "disconnected meanwhile", now=now)
        raise Conflict("This connection was disconnected while you were at the provider.")
    return finished


def abandon(provider_id: str, state: str, *, now: datetime) -> None:
    """Somebody came back signed out: their attempt is spent, and nothing else happens."""
    attempts.spend_unfinished(provider_id, state, now=now)


def forget_expired(*, now: datetime) -> int:
    """Settle decisions nobody made within 15 minutes; `connections.finish_revocations` ends them at the provider."""
    forgotten = pending_grants.forget_expired(now=now)
    attempts.forget_old(now=now)
    leftovers.forget_old(now=now)
    return forgotten


@reading
def _start_again(asker: Asker, connection_id: UUID) -> Start:
    mine = select(Connection).where(
        Connection.id == connection_id,
        Connection.organization_id == asker.organization_id,
        Connection.member_id == asker.own_id,
    )
    connection = db.session.scalar(mine)
    if connection is None:
        raise NotFound
    hint = offers.login_hint(connection.subject, connection.subject_label)
    is_reconsent = connection.subject is not None
    return Start(connection.provider_id, connection.id, connection.nickname, hint, is_reconsent)


@transaction
def _settle(trip: Trip, new: NewGrant, *, now: datetime) -> Finished:
    case = cases.look_into(trip.asker, trip.provider_id, trip.connection_id, new, is_deciding=True)
    if _was_disconnected_since(case, trip.began_at):
        after_commit(lambda: leftovers.drop(case.provider_id, new, now=now))
        return Finished(None)
    if not case.comparison.needs_review:
        connection_id = cases.take(case, nickname=trip.nickname, now=now)
        return Finished(connection_id, is_first=case.comparison.is_first)
    pending = pending_grants.park(case, nickname=trip.nickname, now=now)
    audit.record(
        trip.asker,
        EventKind.GRANT_PENDING,
        now=now,
        connection_id=trip.connection_id,
        member_id=trip.asker.own_id,
        provider=trip.provider_id,
        login=new.label,
        why=case.comparison.heading.value,
    )
    return Finished(trip.connection_id, pending.id)


def _was_disconnected_since(case: Case, began_at: datetime) -> bool:
    """A connection ended on purpose while its person was at the provider does not come back by itself."""
    own = case.own
    return own is not None and own.state is ConnectionState.DISCONNECTED and own.state_since > began_at
