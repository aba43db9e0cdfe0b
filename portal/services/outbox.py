"""The outbox: claiming e-mails for delivery, and writing down what became of each.

An e-mail that is being sent carries a claim that lapses. A worker that dies leaves its claims behind, and whoever comes
after they have lapsed sends those e-mails again: the one that was on its way at that moment may arrive twice, with the
same Message-ID and the same link. None is ever lost.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select, update

from portal.db import NEVER, db, rows_changed, transaction
from portal.models import Email
from portal.models.email import EmailKind, EmailStatus
from portal.quick import QuickWrite

CLAIM = timedelta(minutes=3)  # far longer than a share of mails takes: delivery stops itself well before
LONGEST_ERROR = 300
UNSETTLED = Email.next_attempt_at < NEVER

_SENT = QuickWrite(  # it runs after every mail
    update(Email)
    .where(Email.id == bindparam("of"), UNSETTLED)
    .values(
        status=EmailStatus.SENT,
        kind=bindparam("as_kind"),
        settled_at=bindparam("at"),
        next_attempt_at=None,
        claimed_by=None,
        last_error=None,
    )
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An e-mail that is ours to send for a while; `may_have_arrived` if a sender of it died or got no answer."""

    id: int
    organization_id: UUID
    member_id: UUID
    kind: EmailKind
    connection_id: UUID | None
    place: str | None
    detail: dict[str, Any]
    created_at: datetime
    refusals: int
    may_have_arrived: bool


@transaction
def claim(email_ids: Sequence[int], claimant: str, *, now: datetime) -> tuple[Claimed, ...]:
    """Those of the e-mails that are due and nobody else's, ours until the claim lapses; what was refused comes last."""
    due = select(Email).where(Email.id.in_(email_ids), Email.next_attempt_at <= now)
    due = due.order_by(Email.attempts, Email.id)
    rows = db.session.scalars(due.with_for_update(skip_locked=True)).all()
    claimed = tuple(_claimed(row) for row in rows)
    ours = update(Email).where(Email.id.in_([email.id for email in claimed]), Email.next_attempt_at <= now)
    _write(ours, status=EmailStatus.SENDING, claimed_by=claimant, next_attempt_at=now + CLAIM)
    return claimed


@transaction
def mark_sent(email_id: int, kind: EmailKind, *, now: datetime) -> bool:
    """A server took the e-mail; False if that is written down already."""
    row = {"of": email_id, "as_kind": kind, "at": now}
    return _SENT.run(db.session(), [row]) == 1


@transaction
def withdraw(email_ids: Collection[int], reason: str, *, now: datetime) -> None:
    """Never sent: nobody to read them, or nothing left to say."""
    if email_ids:
        _settle(Email.id.in_(email_ids), status=EmailStatus.WITHDRAWN, last_error=reason, settled_at=now)


@transaction
def park(email_id: int, reason: str, *, now: datetime) -> bool:
    """Not tried again; False if it was settled by somebody else."""
    error = reason[:LONGEST_ERROR]
    return _settle(Email.id == email_id, status=EmailStatus.PARKED, last_error=error, settled_at=now) == 1


def _claimed(row: Email) -> Claimed:
    return Claimed(
        row.id,
        row.organization_id,
        row.member_id,
        row.kind,
        row.connection_id,
        row.place,
        row.detail,
        row.created_at,
        row.attempts,
        may_have_arrived=row.claimed_by is not None,
    )


def _settle(which: ColumnElement[bool], **values: Any) -> int:
    return _write(update(Email).where(which, UNSETTLED), next_attempt_at=None, claimed_by=None, **values)


def _write(statement: Any, **values: Any) -> int:
    return rows_changed(statement.values(**values).execution_options(synchronize_session=False))
