"""Pending grants: new grants that differ, parked sealed until their member decides or a quarter of an hour is over."""

from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from portal.crypto import Sealed, Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import PendingGrant
from portal.models.columns import new_id
from portal.models.consent import seal_context
from portal.rules.comparison import Choice
from portal.rules.problems import Forbidden, NotFound, PendingGrantGone
from portal.services import audit, leftovers, new_grants, offers
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.cases import Case
from portal.services.grants import accounts_from, won
from portal.services.new_grants import NewGrant

WAITS = timedelta(minutes=15)
FORGOTTEN = "forgotten"
REFUSED = "refused"
AT_ONCE = 500


def park(case: Case, *, nickname: str, now: datetime) -> PendingGrant:
    """Keep the case's new grant aside, sealed; the grant it was compared with goes on working."""
    asker, new, pending_id = case.asker, case.new, new_id()
    if asker.session_id is None:
        raise Forbidden
    pending = PendingGrant(
        id=pending_id,
        organization_id=asker.organization_id,
        member_id=asker.own_id,
        session_id=asker.session_id,
        connection_id=case.own.id if case.own else None,
        provider_id=case.provider_id,
        nickname=nickname,
        connector=case.connector,
        vars=dict(case.vars) if case.vars else None,
        seen_generation=case.standing.generation,
        subject=new.subject,
        subject_label=new.label,
        scopes=" ".join(sorted(new.scopes)),
        accounts=[asdict(account) for account in new.accounts],
        token_type=new.token_type,
        access_token=_sealed(pending_id, "access_token", new.access_token),
        refresh_token=new.refresh_token and _sealed(pending_id, "refresh_token", new.refresh_token),
        access_expires_at=new.access_expires_at,
        refresh_expires_at=new.refresh_expires_at,
        extra=dict(new.extra) or None,
        created_at=now,
        expires_at=now + WAITS,
    )
    db.session.add(pending)
    db.session.flush()
    return pending


def find_open(asker: Asker, pending_id: UUID, *, now: datetime) -> PendingGrant:
    """The asker's own pending grant, of this browser session; PendingGrantGone once decided or 15 minutes old."""
    mine = select(PendingGrant).where(
        PendingGrant.id == pending_id,
        PendingGrant.organization_id == asker.organization_id,
        PendingGrant.member_id == asker.own_id,
        PendingGrant.session_id == asker.session_id,
    )
    pending = db.session.scalar(mine)
    if pending is None:
        raise NotFound
    if pending.settled_at is not None or now >= pending.expires_at:
        raise PendingGrantGone
    return pending


def opened(pending: PendingGrant) -> NewGrant:
    """The parked grant with its tokens open again."""
    access_token = leftovers.secret_of(pending, "access_token")
    if access_token is None:
        raise PendingGrantGone
    provider, _ = offers.offered_to(pending)
    new = NewGrant(
        subject=pending.subject,
        label=pending.subject_label or pending.subject,
        scopes=frozenset(pending.scopes.split()),
        accounts=accounts_from(pending.accounts),
        token_type=pending.token_type,
        access_token=access_token,
        refresh_token=leftovers.secret_of(pending, "refresh_token"),
        issued_at=pending.created_at,
        access_expires_at=pending.access_expires_at,
        refresh_expires_at=pending.refresh_expires_at,
        extra=pending.extra or {},
    )
    return new_grants.with_sources_guessed(provider, new)


def settle(pending: PendingGrant, decision: str, *, is_taken: bool, now: datetime) -> None:
    """End a pending grant, once: its tokens are wiped when a connection took them, else they are to be revoked.

    Raises PendingGrantGone when another request was faster.
    """
    values: dict[str, object] = {"settled_at": now, "decision": decision, "is_revocation_outstanding": not is_taken}
    if is_taken:
        values |= {"access_token": None, "refresh_token": None}
    still_open = update(PendingGrant).where(PendingGrant.id == pending.id, PendingGrant.settled_at.is_(None))
    if not won(still_open.values(values).execution_options(synchronize_session=False)):
        raise PendingGrantGone


def cancel(asker: Asker, pending: PendingGrant, choice: Choice, *, now: datetime) -> None:
    """End a pending grant because its member wants something else."""
    settle(pending, choice.value, is_taken=False, now=now)
    _tell(asker, EventKind.GRANT_CANCELLED, pending, now)


@transaction
def forget_expired(*, now: datetime) -> int:
    """Settle those that waited for more than 15 minutes; returns how many."""
    over = select(PendingGrant).where(PendingGrant.settled_at.is_(None), PendingGrant.expires_at <= now)
    forgotten = 0
    for pending in db.session.scalars(over.order_by(PendingGrant.expires_at).limit(AT_ONCE)).all():
        forgotten += _is_forgotten(pending, now)
    return forgotten


def _is_forgotten(pending: PendingGrant, now: datetime) -> bool:
    try:
        settle(pending, FORGOTTEN, is_taken=False, now=now)
    except PendingGrantGone:
        return False  # its member decided, or another process was faster
    _tell(Asker.portal(pending.organization_id), EventKind.GRANT_FORGOTTEN, pending, now)
    return True


def _tell(asker: Asker, kind: EventKind, pending: PendingGrant, now: datetime) -> None:
    facts = {"provider": pending.provider_id, "login": pending.subject_label}
    audit.record(asker, kind, now=now, connection_id=pending.connection_id, member_id=pending.member_id, **facts)


def _sealed(pending_id: UUID, column: str, secret: Secret) -> Sealed:
    return keyring().seal(secret, seal_context(pending_id, column))
