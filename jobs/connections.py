"""What is still to be ended at the providers."""

from portal import clock
from portal.services import connections


def finish_revocations() -> int:
    """Revocations that a provider has not confirmed yet."""
    return connections.finish_revocations(now=clock.now())
