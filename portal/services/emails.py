"""E-mails: every one is a row first, written in the transaction that calls for it, and is delivered from that row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal.adapters import queue as bell
from portal.db import NEVER, after_commit, db, reading, transaction
from portal.models import Email, Event
from portal.models.email import EmailKind, EmailStatus
from portal.services import delivery
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.delivery import Tally

DELIVER = "jobs.emails.deliver"
BATCH_SIZE = 100
DUE_AT_ONCE = 20_000
RING_AGAIN_AFTER = timedelta(minutes=1)  # a batch is rung for once a minute at most, however often the sweep looks
PARKED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Batch:
    """E-mails that one job delivers; `number` names the same stretch of ids at every look."""

    number: int
    email_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ParkedEmail:
    """An e-mail that will not be tried again, and why, for the member's admins."""

    kind: EmailKind
    parked_at: datetime
    reason: str


@transaction
def queue(
    organization_id: UUID,
    member_id: UUID,
    kind: EmailKind,
    *,
    now: datetime,
    connection_id: UUID | None = None,
    place: str | None = None,
    detail: dict[str, Any] | None = None,
    due_at: datetime | None = None,
) -> int:
    """Write an e-mail to the member into the transaction around us; it leaves as soon as that has succeeded.

    With a `due_at` that is still to come it is as if it were written then.
    `place` is the local path it leads to. `detail` holds plain facts of its kind: `invited_by` (a name) of an
    invitation, `by` (a colleague's name) of a displacement, the counts of an admin's digest.
    """
    email = Email(
        organization_id=organization_id,
        member_id=member_id,
        kind=kind,
        status=EmailStatus.QUEUED,
        connection_id=connection_id,
        place=place,
        detail=detail or {},
        created_at=due_at or now,
        next_attempt_at=due_at or now,
    )
    db.session.add(email)
    db.session.flush()
    if email.created_at <= now:  # for later ones the sweep rings
        someone_waits = kind is EmailKind.SIGN_IN
        after_commit(partial(bell.ring, DELIVER, [email.id], at_front=someone_waits))
    return email.id


@reading
def parked(asker: Asker, member_id: UUID) -> tuple[ParkedEmail, ...]:
    """The member's latest e-mails that no server would take, newest first."""
    told = select(Event).where(Event.organization_id == asker.organization_id, Event.kind == EventKind.EMAIL_PARKED)
    rows = db.session.scalars(told.where(Event.member_id == member_id).order_by(Event.id.desc()).limit(PARKED_SHOWN))
    return tuple(ParkedEmail(EmailKind(row.facts["email_kind"]), row.at, row.facts["reason"]) for row in rows)


@reading
def due_batches(*, now: datetime) -> tuple[Batch, ...]:
    """The e-mails whose time has come, those of a worker that was killed included, in batches of at most 100."""
    due = select(Email.id).where(Email.next_attempt_at <= now).order_by(Email.next_attempt_at).limit(DUE_AT_ONCE)
    ids = sorted(db.session.scalars(due))
    stretches = groupby(ids, key=lambda email_id: email_id // BATCH_SIZE)
    return tuple(Batch(number, tuple(stretch)) for number, stretch in stretches)


def ring_due(*, now: datetime) -> int:
    """Wake workers for every due e-mail; returns how many batches that are."""
    batches = due_batches(now=now)
    slot = int(now.timestamp() // RING_AGAIN_AFTER.total_seconds())
    for batch in batches:
        job_id = f"emails-{batch.number}-{batch.email_ids[-1]}-{slot}"  # those that joined it since ring anew
        bell.ring_once(job_id, DELIVER, list(batch.email_ids), remember=RING_AGAIN_AFTER)
    return len(batches)


@reading
def waiting() -> int:
    """How many e-mails of all organizations are still to be delivered."""
    return db.session.scalars(select(func.count()).where(Email.next_attempt_at < NEVER)).one()


def deliver(email_ids: Sequence[int], *, now: datetime) -> Tally:
    """Deliver those of these e-mails that are due and that nobody else is delivering."""
    return delivery.deliver(email_ids, now=now)
