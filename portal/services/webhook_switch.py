"""Switching an endpoint off that nothing can be delivered to, and telling the admins."""

from datetime import datetime
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import update

from portal.db import db, transaction
from portal.models import WebhookEndpoint
from portal.models.webhook import EndpointState
from portal.services import alerts, audit
from portal.services.asker import Asker
from portal.services.audit import EventKind

LONGEST_REASON = 200
PLACE = "/admin/settings/webhooks"


@transaction
def switch_off(organization_id: UUID, endpoint_id: UUID, reason: str, *, now: datetime) -> bool:
    """No event is kept or sent any more until an admin resumes it; False if it was not active any more."""
    active = update(WebhookEndpoint).where(
        WebhookEndpoint.id == endpoint_id, WebhookEndpoint.state == EndpointState.ACTIVE
    )
    off = active.values(state=EndpointState.OFF, state_since=now, off_reason=reason[:LONGEST_REASON])
    url = db.session.scalar(off.returning(WebhookEndpoint.url).execution_options(synchronize_session=False))
    if url is None:
        return False
    portal, kind = Asker.portal(organization_id), EventKind.WEBHOOK_SWITCHED_OFF
    audit.record(portal, kind, now=now, webhook=str(endpoint_id), host=host_of(url), reason=reason)
    _alert(organization_id, endpoint_id, host_of(url), reason, now=now)
    return True


def host_of(url: str) -> str:
    """What an endpoint is called where its whole address, which may hold a password, has no place."""
    return urlsplit(url).hostname or ""


def _alert(organization_id: UUID, endpoint_id: UUID, host: str, reason: str, *, now: datetime) -> None:
    alerts.raise_once(
        f"webhook-off:{endpoint_id}:{now:%Y%m%dT%H%M%S}",
        organization_id,
        title=f"Webhooks to {host} are switched off",
        sentence=f"We stopped sending events to {host}: {reason}. Connections and their tokens are not affected.",
        what_to_do="Put the receiver right, then press “Resume” on the endpoint's page. Events that it missed are"
        " there, too: those already waiting are sent again, the others can be fetched from GET /api/v1/events.",
        place=f"{PLACE}/{endpoint_id}",
        now=now,
    )
