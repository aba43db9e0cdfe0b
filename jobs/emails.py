"""E-mails on their way."""

from portal import clock
from portal.services import emails


def deliver(email_ids: list[int]) -> str:
    """One batch of e-mails, over connections kept for the batch."""
    return str(emails.deliver(email_ids, now=clock.now()))


def ring_due() -> int:
    """Batches whose bell was lost, whose retry is due, or whose sender died."""
    return emails.ring_due(now=clock.now())
