"""Public events published, and sent to the organizations' endpoints."""

from uuid import UUID

from portal import clock
from portal.services import announcements, publishing, webhook_delivery


def announce() -> int:
    """Consents whose end has come near or has passed, told to the log once."""
    return announcements.announce(now=clock.now())


def publish() -> int:
    """What the log has that is public and new, and a bell for every endpoint for which something is due."""
    now = clock.now()
    publishing.publish(now=now)
    return webhook_delivery.ring_due(now=now)


def deliver(endpoint_ids: list[str]) -> str:
    """What is due for these endpoints, side by side."""
    ids = [UUID(one) for one in endpoint_ids]
    return str(webhook_delivery.deliver(ids, now=clock.now(), machine_now=clock.machine_now()))
