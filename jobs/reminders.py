"""Reminders that have become due."""

from portal import clock
from portal.services import emails, reminders


def claim_due() -> int:
    """Every due step into an e-mail to its member, and a bell for those e-mails at once."""
    now = clock.now()
    claimed = reminders.claim_due(now=now)
    if claimed:
        emails.ring_due(now=now)
    return claimed
