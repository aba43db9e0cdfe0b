"""Consent: away to the provider and back, compared, and accepted at once or parked for `services/decisions.py`.

The provider is talked to between transactions, never inside one. Until a new grant is accepted nothing of the old one
is touched, whatever goes wrong: a process killed here costs its person one more try and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import after_commit, db, reading, transaction
from portal.models import Connection
from portal.rules.names import clean_nickname
from portal.rules.problems import Conflict, InvalidRequest, NotFound, ProviderNotConfigured
from portal.rules.status import ConnectionState
from portal.services import (
    attempts,
    audit,
    callbacks,
    cases,
    entries,
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
    connector: str | None = None,
    entered: Mapping[str, str] | None = None,
    choose_account: bool = False,
    now: datetime,
) -> str:
    """Start a trip to the provider, for a connection of the asker's or for a new one at `provider_id`.

    Returns the address of the approval page. An empty nickname means the login's own name, once it is known.
    `connector` and `entered` answer what the provider's file asks of each connection; a connection that has them
    already needs none. `choose_account` makes the provider ask which login is meant. Raises NotFound,
    ProviderNotConfigured, InvalidRequest about an answer, or ProviderUnavailable and ProviderRefused when the page
    cannot be had.
    """
    if connection_id is not None:
        start = start_again(asker, connection_id)
    elif provider_id is not None:
        start = Start(provider_id, None, clean_nickname(nickname) if nickname else "")
    else:
        raise InvalidRequest({"provider": "Choose a provider."})
    if entries.is_complete(start) and connector is None and entered is None:
        return set_out(asker, start, choose_account=choose_account, now=now)
    chosen, checked = entries.checked(start.provider_id, connector, entered or {})
    return set_out(asker, replace(start, connector=chosen, vars=checked), choose_account=choose_account, now=now)


def set_out(asker: Asker, start: Start, *, choose_account: bool, now: datetime) -> str:
    """Make an attempt of it and return the address of the approval page; raises as `begin` does."""
    if offers.is_service(start.provider_id):
        raise ProviderNotConfigured(offers.BY_KEY)
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
    return pending_grants.forget_expired(now=now)


def has_open_questions(asker: Asker, connection_id: UUID) -> bool:
    """Whether the provider's file asks something of this connection that nobody has answered yet; raises NotFound."""
    return not entries.is_complete(start_again(asker, connection_id))


@reading
def start_again(asker: Asker, connection_id: UUID) -> Start:
    """A trip for one of the asker's connections, as it was connected before; raises NotFound for anybody else's."""
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
    return Start(
        connection.provider_id,
        connection.id,
        connection.nickname,
        hint,
        is_reconsent,
        connector=connection.connector,
        vars=connection.vars,
    )


@transaction
def _settle(trip: Trip, new: NewGrant, *, now: datetime) -> Finished:
    case = cases.look_into(trip.asker, trip, trip.connection_id, new, is_deciding=True)
    if _was_disconnected_since(case, trip.began_at):
        after_commit(lambda: leftovers.drop(case, new, now=now))
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
