"""Decisions nobody made."""

from portal import clock
from portal.services import reconsent


def forget_expired() -> int:
    """Pending grants that waited for more than 15 minutes, and traces of old trips."""
    return reconsent.forget_expired(now=clock.now())
