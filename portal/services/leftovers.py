"""Leftovers: tokens that no connection uses any more, ended at the provider unless that could end good ones.

Revoking one grant of a login may end all grants of that login (RFC 7009 section 2.1 allows it, some providers do it).
So a leftover is revoked only while no connection holds the same login and no other decision about it is open, looked at
again right before; otherwise its tokens are simply forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update

from portal.adapters import oauth
from portal.adapters.oauth import RevocationState
from portal.crypto import SealBroken, Sealed, Secret
from portal.db import db, reading, transaction
from portal.extensions import keyring
from portal.models import Connection, Grant, PendingGrant
from portal.models.columns import new_id
from portal.models.consent import seal_context
from portal.models.grant import seal_context as grant_context
from portal.rules.problems import ProviderNotConfigured
from portal.rules.revocations import TRIED_FOR
from portal.rules.status import HOLDING
from portal.services import audit, leftover_alarms, offers
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.new_grants import NewGrant
from portal.services.offers import Chosen

REPLACED = "replaced"
DISCONNECTED = "disconnected"
AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one login, open in memory to be revoked."""

    provider_id: str
    connector: str | None
    vars: Mapping[str, str] | None
    access_token: Secret | None
    refresh_token: Secret | None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A parked grant that is to be ended, and what its end has to tell."""

    id: UUID
    asker: Asker
    member_id: UUID
    connection_id: UUID | None
    was_disconnected: bool
    login: str | None
    tokens: Tokens


def set_aside_tokens_of(asker: Asker, connection: Connection, why: str, *, now: datetime) -> UUID | None:
    """Keep a connection's present tokens for revocation (`replaced` or `disconnected`) before they are overwritten.

    Returns the leftover's id, None where there is nothing that the provider could end.
    """
    grant = db.session.scalar(select(Grant).where(Grant.connection_id == connection.id))
    if grant is None or grant.access_token is None or not offers.can_revoke(connection):
        return None
    leftover_id = new_id()
    try:
        tokens = {column: _moved(grant, leftover_id, column) for column in ("access_token", "refresh_token")}
    except SealBroken as broken:
        leftover_alarms.raise_for(connection, broken, now=now)
        return None
    leftover = PendingGrant(
        id=leftover_id,
        organization_id=connection.organization_id,
        member_id=connection.member_id,
        session_id=asker.session_id,
        connection_id=connection.id,
        provider_id=connection.provider_id,
        nickname=connection.nickname,
        connector=connection.connector,
        vars=connection.vars,
        seen_generation=grant.generation,
        subject=connection.subject or "",
        subject_label=connection.subject_label,
        scopes=grant.scopes,
        accounts=grant.accounts,
        token_type=grant.token_type,
        **tokens,
        created_at=now,
        expires_at=now,
        settled_at=now,
        decision=why,
        is_revocation_outstanding=True,
    )
    db.session.add(leftover)
    db.session.flush()
    return leftover_id


def end(leftover_id: UUID, *, now: datetime) -> bool:
    """Revoke a leftover at its provider; False while that is still outstanding and to be tried again."""
    leftover = _to_revoke(leftover_id, now)
    if leftover is None:
        return True
    state = revoked(leftover.tokens, now=now)
    if state is RevocationState.OUTSTANDING:
        return False
    _forget(leftover, state, now=now)
    return True


@reading
def outstanding() -> list[tuple[UUID, str]]:
    """Leftovers and their providers: a share for each, and none always first, for it may be one that always fails."""
    share = func.row_number().over(partition_by=PendingGrant.provider_id, order_by=func.random())
    waiting = select(PendingGrant.id, PendingGrant.provider_id).where(
        PendingGrant.settled_at.is_not(None), PendingGrant.is_revocation_outstanding.is_(True)
    )
    return [(row.id, row.provider_id) for row in db.session.execute(waiting.order_by(share).limit(AT_ONCE))]


@transaction
def give_up(*, now: datetime) -> None:
    """What nobody could end within a week is forgotten, whatever was the matter with it."""
    _empty(PendingGrant.is_revocation_outstanding.is_(True) & (PendingGrant.settled_at <= now - TRIED_FOR))


def drop(chosen: Chosen, new: NewGrant, *, now: datetime) -> None:
    """Try once to revoke a grant that was never parked; what is left of it ends by itself at the provider."""
    if not _is_held_now(chosen.provider_id, new.subject, now):
        revoked(_tokens(chosen, new.access_token, new.refresh_token), now=now)


def revoked(tokens: Tokens, *, now: datetime) -> RevocationState:
    """Ask the provider to end the grant; outside of any transaction, for it may take seconds."""
    try:
        provider, app = offers.offered_to(tokens)
    except ProviderNotConfigured:
        return RevocationState.OUTSTANDING
    answer = oauth.revoke(provider, app, access_token=tokens.access_token, refresh_token=tokens.refresh_token, now=now)
    return answer.state


def is_wanted(provider_id: str, subject: str, *, but: UUID | None, now: datetime) -> bool:
    """Whether a connection holds the login, or another pending grant of it waits: then nothing of it may be revoked."""
    held = select(Connection.id).where(
        Connection.provider_id == provider_id, Connection.subject == subject, Connection.state.in_(HOLDING)
    )
    waiting = select(PendingGrant.id).where(
        PendingGrant.provider_id == provider_id,
        PendingGrant.subject == subject,
        PendingGrant.settled_at.is_(None),
        PendingGrant.expires_at > now,
    )
    if but is not None:
        waiting = waiting.where(PendingGrant.id != but)
    return bool(db.session.scalar(select(or_(held.exists(), waiting.exists()))))


def secret_of(pending: PendingGrant, column: str) -> Secret | None:
    """One of a parked grant's tokens, opened; None where it has none (any more)."""
    sealed: Sealed | None = getattr(pending, column)
    return None if sealed is None else keyring().open(sealed, seal_context(pending.id, column))


@reading
def _is_held_now(provider_id: str, subject: str, now: datetime) -> bool:
    return is_wanted(provider_id, subject, but=None, now=now)


@transaction
def _to_revoke(leftover_id: UUID, now: datetime) -> Leftover | None:
    pending = db.session.get(PendingGrant, leftover_id)
    if pending is None or not pending.is_revocation_outstanding:
        return None
    leftover = _leftover(pending)
    if is_wanted(pending.provider_id, pending.subject, but=pending.id, now=now):
        _wipe(leftover)
        _tell(leftover)  # nothing of it is left here, and ending it there would end somebody's good tokens
        return None
    return leftover


def _leftover(pending: PendingGrant) -> Leftover:
    return Leftover(
        id=pending.id,
        asker=Asker.portal(pending.organization_id),
        member_id=pending.member_id,
        connection_id=pending.connection_id,
        was_disconnected=pending.decision == DISCONNECTED,
        login=pending.subject_label,
        tokens=_tokens(pending, secret_of(pending, "access_token"), secret_of(pending, "refresh_token")),
    )


def _tokens(chosen: Chosen, access_token: Secret | None, refresh_token: Secret | None) -> Tokens:
    return Tokens(chosen.provider_id, chosen.connector, chosen.vars, access_token, refresh_token)


@transaction
def _forget(leftover: Leftover, state: RevocationState, *, now: datetime) -> None:
    _wipe(leftover)
    _tell(leftover, is_unsupported=state is RevocationState.UNSUPPORTED)
    if state is RevocationState.DONE:
        who = {"connection_id": leftover.connection_id, "member_id": leftover.member_id}
        audit.record(leftover.asker, EventKind.GRANT_REVOKED, now=now, login=leftover.login, **who)


def _wipe(leftover: Leftover) -> None:
    _empty(PendingGrant.id == leftover.id)


def _empty(which: ColumnElement[bool]) -> None:
    values = {"access_token": None, "refresh_token": None, "is_revocation_outstanding": False}
    wiped = update(PendingGrant).where(which)
    db.session.execute(wiped.values(values).execution_options(synchronize_session=False))


def _tell(leftover: Leftover, *, is_unsupported: bool = False) -> None:
    """Tell the disconnected connection, whose page has been saying that the provider's part was outstanding."""
    if leftover.was_disconnected:
        values = {"is_revocation_outstanding": False, "is_revocation_unsupported": is_unsupported}
        told = update(Connection).where(Connection.id == leftover.connection_id).values(values)
        db.session.execute(told.execution_options(synchronize_session=False))


def _moved(grant: Grant, leftover_id: UUID, column: str) -> Sealed | None:
    """The grant's sealed token, sealed again for its new place."""
    sealed: Sealed | None = getattr(grant, column)
    if sealed is None:
        return None
    secret = keyring().open(sealed, grant_context(grant.connection_id, column))
    return keyring().seal(secret, seal_context(leftover_id, column))
