"""Decisions nobody made."""

from portal import clock
from portal.services import reconsent


def forget_expired() -> int:
    """Pending grants that waited for more than 15 minutes."""
    return reconsent.forget_expired(now=clock.now())
