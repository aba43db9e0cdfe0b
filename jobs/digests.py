"""What admins are told once a week."""

from portal import clock
from portal.services import digests


def send_due() -> int:
    """The digests of the organizations whose Monday has begun."""
    return digests.send_due(now=clock.now())
