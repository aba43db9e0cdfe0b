"""The keys behind server-to-server connections."""

from portal import clock
from portal.services import key_alerts


def tell_key_ends() -> int:
    """Warnings of keys that end soon."""
    return key_alerts.tell_ends(now=clock.now())
