"""Attempts: trips to a provider's approval page, each finished once, by the session that began it, within 15 minutes.

A consent flow that somebody else started, or that comes back twice, is how accounts get linked to the wrong person
(RFC 6749 section 10.12, RFC 9700 section 4.7). So everything about a trip is a row of ours, found by the digest of its
state and spent by a conditional UPDATE before anything else of the provider's answer is looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import select, update

from portal.crypto import Secret, digest, random_token
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import ConsentAttempt
from portal.models.columns import new_id
from portal.models.consent import verifier_context
from portal.rules.problems import ConsentAttemptExpired, ConsentAttemptInvalid, Forbidden, Problem
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.grants import won

LASTS = timedelta(minutes=15)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """What a trip is for: an existing connection, or a new one (`connection_id` None) by that nickname.

    `connector` and `vars` are what its person chose and entered for it, where the provider leaves that to them.
    """

    provider_id: str
    connection_id: UUID | None
    nickname: str
    login_hint: str | None = None
    is_reconsent: bool = False
    connector: str | None = None
    vars: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Ticket:
    """The three secrets of a trip: `state` and `nonce` travel with the person, the verifier stays here."""

    state: str
    nonce: str
    code_verifier: str

    @classmethod
    def draw(cls) -> "Ticket":
        return cls(random_token(), random_token(), random_token(48))


@dataclass(frozen=True, slots=True)
class Trip:
    """A spent attempt: the answer to it may now be believed to belong to this asker."""

    asker: Asker
    provider_id: str
    connection_id: UUID | None
    nickname: str
    nonce: str
    code_verifier: Secret
    began_at: datetime
    connector: str | None = None
    vars: Mapping[str, str] | None = None


@transaction
def store(asker: Asker, start: Start, ticket: Ticket, *, now: datetime) -> None:
    """Keep an attempt bound to the asker's member and browser session; Forbidden for anybody who has none."""
    if asker.session_id is None:
        raise Forbidden
    attempt_id = new_id()
    attempt = ConsentAttempt(
        id=attempt_id,
        state_digest=digest(ticket.state),
        organization_id=asker.organization_id,
        member_id=asker.own_id,
        session_id=asker.session_id,
        connection_id=start.connection_id,
        provider_id=start.provider_id,
        nickname=start.nickname,
        connector=start.connector,
        vars=dict(start.vars) if start.vars else None,
        nonce=ticket.nonce,
        code_verifier=keyring().seal(Secret(ticket.code_verifier), verifier_context(attempt_id)),
        created_at=now,
        expires_at=now + LASTS,
    )
    db.session.add(attempt)
    audit.record(
        asker,
        EventKind.CONSENT_BEGUN,
        now=now,
        connection_id=start.connection_id,
        member_id=asker.own_id,
        provider=start.provider_id,
    )


def spend(asker: Asker | None, provider_id: str, state: str, *, now: datetime) -> Trip:
    """Spend the attempt that this state belongs to; raises ConsentAttemptInvalid or ConsentAttemptExpired.

    Whoever presents a state spends it: one that turned up in the wrong place must not work in the right one either.
    """
    outcome = _spend(asker, provider_id, state, now)
    if isinstance(outcome, Problem):
        raise outcome
    return outcome


def spend_unfinished(provider_id: str, state: str, *, now: datetime) -> None:
    """Spend the attempt of somebody who came back signed out: it can never be finished."""
    _spend(None, provider_id, state, now)


def refuse(trip: Trip, reason: str, *, now: datetime) -> None:
    """Note, in a transaction of its own, why the provider's answer to a trip was not accepted."""
    _note_refusal(trip.asker, reason, trip.connection_id, trip.provider_id, now)


@transaction
def deny(trip: Trip, *, now: datetime) -> None:
    """Note that the person said no at the provider."""
    facts = {"provider": trip.provider_id}
    who, kind = trip.asker, EventKind.CONSENT_DENIED
    audit.record(who, kind, now=now, connection_id=trip.connection_id, member_id=who.own_id, **facts)


@transaction
def _spend(asker: Asker | None, provider_id: str, state: str, now: datetime) -> Trip | Problem:
    attempt = db.session.scalar(select(ConsentAttempt).where(ConsentAttempt.state_digest == digest(state)))
    reason = _why_not(attempt, asker, provider_id)
    if attempt is None or not _is_first_to_spend(attempt, now):
        return _refused(attempt, asker, provider_id, "unknown state" if attempt is None else "already used", now)
    if reason or asker is None:
        return _refused(attempt, asker, provider_id, reason, now)
    if now >= attempt.expires_at:
        _note_refusal(asker, "expired", attempt.connection_id, provider_id, now)
        return ConsentAttemptExpired()
    return Trip(
        asker=asker,
        provider_id=attempt.provider_id,
        connection_id=attempt.connection_id,
        nickname=attempt.nickname,
        nonce=attempt.nonce,
        code_verifier=keyring().open(attempt.code_verifier, verifier_context(attempt.id)),
        began_at=attempt.created_at,
        connector=attempt.connector,
        vars=attempt.vars,
    )


def _is_first_to_spend(attempt: ConsentAttempt, now: datetime) -> bool:
    unspent = update(ConsentAttempt).where(ConsentAttempt.id == attempt.id, ConsentAttempt.spent_at.is_(None))
    return won(unspent.values(spent_at=now).execution_options(synchronize_session=False))


def _why_not(attempt: ConsentAttempt | None, asker: Asker | None, provider_id: str) -> str:
    """Why this answer may not finish the attempt; empty when it may."""
    if attempt is None:
        return "unknown state"
    if asker is None:
        return "signed out"
    if attempt.provider_id != provider_id:
        return "another provider's callback"
    if (attempt.organization_id, attempt.member_id) != (asker.organization_id, asker.member_id):
        return "another member's attempt"
    return "" if attempt.session_id == asker.session_id else "another browser session"


def _refused(
    attempt: ConsentAttempt | None, asker: Asker | None, provider_id: str, reason: str, now: datetime
) -> Problem:
    """The refusal is told to the organization whose attempt it is; a stranger who tried is not named there."""
    who, connection_id = asker, None
    if attempt is not None:
        is_own = asker is not None and asker.member_id == attempt.member_id
        who = asker if is_own else Asker.portal(attempt.organization_id)
        connection_id = attempt.connection_id
    if who is None:
        log.warning("consent refused", reason=reason, provider=provider_id)
    else:
        _note_refusal(who, reason, connection_id, provider_id, now)
    return ConsentAttemptInvalid()


@transaction
def _note_refusal(asker: Asker, reason: str, connection_id: UUID | None, provider_id: str, now: datetime) -> None:
    log.warning("consent refused", reason=reason, provider=provider_id, organization_id=str(asker.organization_id))
    audit.record(
        asker,
        EventKind.CONSENT_REFUSED,
        now=now,
        connection_id=connection_id,
        member_id=asker.member_id,
        provider=provider_id,
        reason=reason,
    )
