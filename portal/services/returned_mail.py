"""Returned mail: what was not taken waits for another attempt.

A reminder that nobody got collects again what falls due until then, or joins the one that does so already: whatever the
trouble, a person gets one e-mail at its end. What may have arrived all the same keeps its claim, as if its sender had
died: it is sent again just as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select, update

from portal.db import db, transaction
from portal.models import Email, Reminder
from portal.models.email import WAITING_REMINDER, EmailKind, EmailStatus
from portal.services import races
from portal.services.outbox import LONGEST_ERROR, Claimed

JOINED = "joined another reminder"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why e-mails were not taken, when they are due again, and what that says of each."""

    reason: str
    due_at: datetime
    refusals: int = 0
    may_have_arrived: bool = False


def put_back(emails: Sequence[Claimed], claimant: str, trouble: Trouble, *, now: datetime) -> None:
    """Let go of e-mails we claimed; a sweep may queue a reminder for the same reader at this very moment."""
    races.settled(partial(_put_back, emails, claimant, trouble, now=now))


@transaction
def _put_back(emails: Sequence[Claimed], claimant: str, trouble: Trouble, *, now: datetime) -> None:
    lost = {one.id for one in emails if one.may_have_arrived or trouble.may_have_arrived}
    ours = select(Email).where(Email.id.in_([one.id for one in emails]), Email.claimed_by == claimant)
    sending = ours.where(Email.status == EmailStatus.SENDING).order_by(Email.id)
    rows = db.session.scalars(sending.with_for_update()).all()
    for row in rows:
        row.claimed_by = claimant if row.id in lost else None
        row.next_attempt_at = trouble.due_at
        row.last_error = trouble.reason[:LONGEST_ERROR]
        row.attempts += trouble.refusals
    _collect([row for row in rows if row.kind is EmailKind.REMINDER and row.id not in lost], now)


def _collect(reminders: Sequence[Email], now: datetime) -> None:
    """Make each the one that waits for its reader (the unique index is the judge), or part of it."""
    of_readers = select(Email).where(Email.member_id.in_([row.member_id for row in reminders]), WAITING_REMINDER)
    waiting = {row.member_id: row for row in db.session.scalars(of_readers.with_for_update())} if reminders else {}
    for row in reminders:
        collecting = waiting.setdefault(row.member_id, row)
        if collecting is row:
            row.status = EmailStatus.QUEUED
        else:
            _join(row, collecting, now)


def _join(row: Email, other: Email, now: datetime) -> None:
    """All that the one was to say is said by the other, which waits as long and has been refused as often."""
    of_row = update(Reminder).where(Reminder.member_id == row.member_id, Reminder.email_id == row.id)
    db.session.execute(of_row.values(email_id=other.id))
    wishes = {*row.detail.get("connections", ()), *other.detail.get("connections", ())}
    other.detail = {"connections": sorted(wishes)} if wishes else {}
    other.attempts = max(row.attempts, other.attempts)
    other.next_attempt_at = row.next_attempt_at
    row.status, row.settled_at, row.last_error = EmailStatus.WITHDRAWN, now, JOINED
    row.next_attempt_at = None
