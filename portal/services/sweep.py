"""The sweep: due reminder steps become e-mails, whole sets at a time, whoever else is sweeping.

Claiming row by row costs a hundred times more. Two statements in one transaction do it: first every member with a due
step gets an e-mail unless one waits for them already (the unique index on waiting reminders is the judge), then the due
steps are put into their member's e-mail. What that e-mail will say is decided when it is delivered.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, func, literal, select, update

from portal.db import db, insert_into, reading, rows_changed, transaction
from portal.models import Email, Reminder
from portal.models.email import WAITING_REMINDER, EmailKind, EmailStatus
from portal.quick import QuickSelect
from portal.services import held_mail

CLAIMED_AT_ONCE = 25_000  # steps; keeps each transaction under a second, so that others who write wait no longer

Span = tuple[UUID | None, UUID | None]
_SOONEST = QuickSelect(select(func.min(Reminder.next_at)))


def claim_due(*, now: datetime, at_once: int = CLAIMED_AT_ONCE) -> int:
    """Put every due step into an e-mail to its member, one e-mail a member; returns how many steps were claimed.

    No transaction claims many more than `at_once`.
    """
    if not _is_anything_due(now):
        return 0
    return sum(_claim(span, now=now) for span in _spans(at_once, now=now))


def _is_anything_due(now: datetime) -> bool:
    """Nearly always nothing is: one look at the index's first entry tells, whatever the planner thinks of the rest."""
    (soonest,) = _SOONEST.first(db.engine, {}) or (None,)
    return soonest is not None and soonest <= now


@reading
def _spans(at_once: int, *, now: datetime) -> Sequence[Span]:
    """Ranges of members (after, up to) with a transaction's worth of due steps each; none is cut in two."""
    due = db.session.scalar(select(func.count()).where(Reminder.next_at <= now)) or 0
    if due <= at_once:
        return [(None, None)] if due else []
    by_member = func.row_number().over(order_by=Reminder.member_id).label("number")
    numbered = select(Reminder.member_id, by_member).where(Reminder.next_at <= now).subquery()
    every_so_many = select(numbered.c.member_id).where(numbered.c.number % at_once == 0)
    cuts = sorted(set(db.session.scalars(every_so_many)))
    return list(pairwise([None, *cuts, None]))


@transaction
def _claim(span: Span, *, now: datetime) -> int:
    due = [Reminder.next_at <= now, *_within(span)]
    if held_mail.is_anything_held():
        due.append(held_mail.not_held())
    _give_each_member_an_email(due, now)
    # A subquery rather than a join: the planner does not know yet how many rows were just written, and guesses badly.
    # A step that fell due since the first statement has no e-mail: it stays due for the next sweep.
    waiting = select(Email.id).where(Email.member_id == Reminder.member_id, WAITING_REMINDER).scalar_subquery()
    claimed = update(Reminder).where(*due, waiting.is_not(None)).values(email_id=waiting, next_at=None)
    return rows_changed(claimed.execution_options(synchronize_session=False))


def _within(span: Span) -> list[ColumnElement[bool]]:
    after, up_to = span
    bounds = []
    if after is not None:
        bounds.append(Reminder.member_id > after)
    if up_to is not None:
        bounds.append(Reminder.member_id <= up_to)
    return bounds


def _give_each_member_an_email(due: list[ColumnElement[bool]], now: datetime) -> None:
    """A waiting e-mail is written to as well, for that keeps it waiting until the steps are in it.

    In the order of members, so that two sweeps at once wait for each other instead of locking each other out.
    """
    columns = {
        "organization_id": Reminder.organization_id,
        "member_id": Reminder.member_id,
        "kind": literal(EmailKind.REMINDER, Email.kind.type),
        "status": literal(EmailStatus.QUEUED, Email.status.type),
        "detail": literal({}, JSON),
        "created_at": literal(now, Email.created_at.type),
        "next_attempt_at": literal(now, Email.next_attempt_at.type),
        "attempts": literal(0),
    }
    members = select(*columns.values()).where(*due).group_by(Reminder.organization_id, Reminder.member_id)
    adding = insert_into(Email).from_select(list(columns), members.order_by(Reminder.member_id))
    kept = {"attempts": Email.attempts}
    db.session.execute(
        adding.on_conflict_do_update(index_elements=["member_id"], index_where=WAITING_REMINDER, set_=kept)
    )
