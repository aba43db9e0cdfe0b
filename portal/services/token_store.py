"""A grant's tokens as they are stored: read as a value, leased for a refresh, and written only over what was seen.

Races: two processes may find the same token too old, a worker may die with a rotated token in its hands, a person may
reconsent while a refresh is under way. Every write here therefore names the generation it has seen, and only the holder
of the lease talks to the provider.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, select, update
from sqlalchemy.orm import InstrumentedAttribute

from portal.crypto import Sealed, Secret
from portal.db import NEVER, db, is_inside_transaction, reading, rows_changed, transaction
from portal.extensions import keyring
from portal.models import Connection, Grant
from portal.models.grant import seal_context
from portal.quick import QuickSelect
from portal.rules import freshness
from portal.rules.status import ConnectionState
from portal.services import fenced_writes
from portal.services.fenced_writes import FencedWrite

CLAIM_LASTS = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """What a refresh needs to know of a connection; `rotated_at` is when the refresh token last replaced another."""

    connection_id: UUID
    organization_id: UUID
    provider_id: str
    connector: str | None
    state: ConnectionState
    state_since: datetime
    state_reason: str | None
    subject: str | None
    consent_expires_at: datetime | None
    generation: int
    scopes: str
    token_type: str
    access_token: Sealed | None
    refresh_token: Sealed | None
    previous_refresh_token: Sealed | None
    previous_until: datetime | None
    rotated_at: datetime | None
    issued_at: datetime
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    refresh_due_at: datetime | None
    failures: int
    failing_since: datetime | None
    last_fault: str | None
    lease_owner: str | None
    lease_until: datetime | None
    extra: dict[str, Any] | None

    @property
    def life(self) -> timedelta | None:
        """The access token's whole life; None when it never expires."""
        return None if self.access_expires_at is None else self.access_expires_at - self.issued_at

    @property
    def is_interrupted(self) -> bool:
        """Whether an earlier attempt never learnt its answer: the provider may have rotated without our knowing."""
        return self.lease_owner is not None

    def is_waiting(self, now: datetime) -> bool:
        """Whether it is due or was claimed lately, and has been neither renewed nor put off for longer since."""
        return self.refresh_due_at is not None and self.refresh_due_at <= _latest_claim(now)

    def secret(self, column: str) -> Secret | None:
        """The opened `access_token`, `refresh_token` or `previous_refresh_token`."""
        sealed: Sealed | None = getattr(self, column)
        return None if sealed is None else keyring().open(sealed, seal_context(self.connection_id, column))


COLUMNS = (
    Connection.id,
    Connection.organization_id,
    Connection.provider_id,
    Connection.connector,
    Connection.state,
    Connection.state_since,
    Connection.state_reason,
    Connection.subject,
    Connection.consent_expires_at,
    Grant.generation,
    Grant.scopes,
    Grant.token_type,
    Grant.access_token,
    Grant.refresh_token,
    Grant.previous_refresh_token,
    Grant.previous_until,
    Grant.rotated_at,
    Grant.issued_at,
    Grant.access_expires_at,
    Grant.refresh_expires_at,
    Grant.refresh_due_at,
    Grant.failures,
    Grant.failing_since,
    Grant.last_fault,
    Grant.lease_owner,
    Grant.lease_until,
    Grant.extra,
)
STORED = select(*COLUMNS).join_from(Connection, Grant, Grant.connection_id == Connection.id)
BY_ID = STORED.where(Connection.id == bindparam("connection_id"))
_QUICK_BY_ID = QuickSelect(BY_ID)


def read(connection_id: UUID) -> StoredGrant | None:
    """The grant as it stands now, in a transaction as that one sees it; None where there is none."""
    sought = {"connection_id": connection_id}
    if is_inside_transaction():
        rows: Sequence[Sequence[Any]] = db.session.execute(BY_ID, sought).all()
    else:
        rows = _QUICK_BY_ID.all(db.engine, sought)
    return next((StoredGrant(*row) for row in rows), None)


@reading
def read_several(connection_ids: Sequence[UUID]) -> dict[UUID, StoredGrant]:
    """The grants of these connections as they stand now, those that have one, in one look."""
    rows = db.session.execute(STORED.where(Connection.id.in_(connection_ids)))
    return {row[0]: StoredGrant(*row) for row in rows}


def lease(grant: StoredGrant, owner: str, *, until: datetime, now: datetime) -> bool:
    """Take the lease on exactly this generation; False when somebody else has it or the tokens have changed."""
    values = {"lease_owner": owner, "lease_until": until}
    return fenced_writes.lease(FencedWrite(grant.connection_id, grant.generation, values, free_at=now))


def postpone(grant: StoredGrant, fault: str, *, until: datetime, is_answer_lost: bool, now: datetime) -> bool:
    """Note a failure that does not end the connection, and when to try again; a late loser changes nothing.

    After a lost answer the row keeps who asked last: should the token turn out dead, that is the reason to tell.
    """
    values = {
        "failures": grant.failures + 1,
        "failing_since": grant.failing_since or now,
        "last_fault": fault,
        "last_fault_at": now,
        "refresh_due_at": until,
        "lease_until": None,
    }
    if not is_answer_lost:
        values["lease_owner"] = None
    return overwrite(grant, values)


def note_fault(grant: StoredGrant, fault: str, *, now: datetime) -> bool:
    """Note that the provider has just refused these tokens, whatever follows from it."""
    return overwrite(grant, {"last_fault": fault, "last_fault_at": now})


def stop(grant: StoredGrant, fault: str) -> bool:
    """No more refreshes of these tokens, refused after their announced end; no moment makes it one of an incident's."""
    values = {"last_fault": fault, "last_fault_at": None, "failing_since": None, "refresh_due_at": None}
    return overwrite(grant, values | {"lease_owner": None, "lease_until": None})


def withhold(grant: StoredGrant, fault: str, *, until: datetime, now: datetime) -> bool:
    """Give nobody the present access token, and refresh it soon: it may live, but not be what it should be."""
    values = {"access_expires_at": now, "refresh_due_at": until, "last_fault": fault, "last_fault_at": now}
    return overwrite(grant, values | {"failing_since": grant.failing_since or now})


@transaction
def put_off(due: Mapping[UUID, datetime], *, now: datetime) -> None:
    """Refresh these later, each at its own moment, because it is no time to ask their provider now.

    Whatever somebody else has renewed or put off meanwhile stays as it is.
    """
    _plan(due, Grant.refresh_due_at <= _latest_claim(now))


@transaction
def bring_forward(due: Mapping[UUID, datetime]) -> None:
    """Refresh these sooner than planned, each at its own moment; those that nothing refreshes any more stay so."""
    _plan(due, Grant.refresh_due_at < NEVER)


def _plan(due: Mapping[UUID, datetime], condition: ColumnElement[bool]) -> None:
    if not due:
        return
    later = update(Grant).where(Grant.connection_id == bindparam("of"), Grant.lease_until.is_(None), condition)
    rows = [{"of": connection_id, "due_at": due_at} for connection_id, due_at in sorted(due.items())]
    db.session.connection().execute(later.values(refresh_due_at=bindparam("due_at")), rows)


@transaction
def claim_due(*, now: datetime, most: int) -> tuple[tuple[UUID, str], ...]:
    """Claim the grants longest due and those whose refresher died; they come up again soon if nothing is done.

    Whoever holds a lease is at the provider and left alone. Returns pairs of connection id and provider id.
    """
    again_at = now + CLAIM_LASTS
    orphaned = _claimed(Grant.lease_until <= now, Grant.lease_until, again_at, most)
    is_due = and_(Grant.refresh_due_at <= now, Grant.lease_until.is_(None))
    return orphaned + _claimed(is_due, Grant.refresh_due_at, again_at, most)


@transaction
def forget_previous(*, now: datetime) -> int:
    """Wipe the refresh tokens whose grace is over; returns how many."""
    over = update(Grant).where(Grant.previous_until <= now)
    wiped = over.values(previous_refresh_token=None, previous_until=None)
    return rows_changed(wiped.execution_options(synchronize_session=False))


def overwrite(
    grant: StoredGrant,
    values: Mapping[str, Any],
    *,
    event: Mapping[str, Any] | None = None,
    then: Callable[[], None] | None = None,
) -> bool:
    """Write columns over exactly the generation seen; False when it is no longer that.

    If the write is won, `event` (of `audit.row`) is recorded and `then` is done, in the same transaction.
    """
    return fenced_writes.write(FencedWrite(grant.connection_id, grant.generation, values, event=event, then=then))


def sealed(grant: StoredGrant, column: str, secret: Secret) -> Sealed:
    """A secret sealed for one of this grant's columns."""
    return keyring().seal(secret, seal_context(grant.connection_id, column))


def _latest_claim(now: datetime) -> datetime:
    """What is due later was not claimed, by whichever of our machines' clocks."""
    return now + CLAIM_LASTS + freshness.SLACK


def _claimed(
    condition: ColumnElement[bool], order: InstrumentedAttribute[datetime | None], again_at: datetime, most: int
) -> tuple[tuple[UUID, str], ...]:
    ids = select(Grant.connection_id).where(condition).order_by(order).limit(most)
    claiming = update(Grant).where(Grant.connection_id.in_(ids), condition)
    claimed = claiming.values(refresh_due_at=again_at, lease_until=None)
    rows = db.session.execute(claimed.returning(Grant.connection_id, Grant.provider_id))
    return tuple((connection_id, provider_id) for connection_id, provider_id in rows)
