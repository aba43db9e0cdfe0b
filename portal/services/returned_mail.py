"""Returned mail: what was not taken waits for another attempt.

What may have arrived all the same keeps its claim, as if its sender had died: it is sent again just as it was.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from portal.db import db, transaction
from portal.models import Email
from portal.models.email import EmailStatus
from portal.services.outbox import LONGEST_ERROR, Claimed


@transaction
def put_back(
    emails: Sequence[Claimed],
    claimant: str,
    *,
    due_at: datetime,
    reason: str,
    refusals: int = 0,
    may_have_arrived: bool = False,
) -> None:
    """Let go of e-mails we claimed; they are due again at that moment."""
    kept = {one.id for one in emails if one.may_have_arrived or may_have_arrived}
    ours = select(Email).where(Email.id.in_([one.id for one in emails]), Email.claimed_by == claimant)
    claimed = ours.where(Email.status == EmailStatus.SENDING).order_by(Email.id)
    for row in db.session.scalars(claimed.with_for_update()):
        row.claimed_by = claimant if row.id in kept else None
        row.next_attempt_at = due_at
        row.last_error = reason[:LONGEST_ERROR]
        row.attempts += refusals
