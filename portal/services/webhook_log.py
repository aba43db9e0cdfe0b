"""What was sent to an endpoint and what became of it, for its admins: looked at, tested, and sent again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ColumnExpressionArgument, select, update

from portal.db import after_commit, db, reading, rows_changed, transaction
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.models.columns import new_id
from portal.models.webhook import DEAD, DeliveryStatus, EndpointState
from portal.rules.moments import in_iso
from portal.rules.problems import Conflict, NotFound
from portal.rules.webhooks import TEST_TYPE
from portal.services import audit, publishing, webhook_delivery
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.webhook_switch import host_of

PAGE_SIZE = 25
NOT_ACTIVE = "Nothing is sent to this endpoint now. Resume it first."
STILL_WAITING = "This is still on its way and will be tried again by itself."


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One event on its way to one endpoint."""

    id: UUID
    event_id: int | None
    type: str
    status: DeliveryStatus
    created_at: datetime
    attempts: int
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None

    @property
    def is_settled(self) -> bool:
        return self.status is not DeliveryStatus.WAITING

    @property
    def answer(self) -> str:
        """What the last attempt came to, in words."""
        return self.last_error or (f"answered {self.last_status}" if self.last_status else "")


@reading
def recent(
    asker: Asker, endpoint_id: UUID, *, before: UUID | None = None, only_dead: bool = False, limit: int = PAGE_SIZE
) -> tuple[DeliveryView, ...]:
    """A page of the endpoint's deliveries, newest first, of those made before the one with that id."""
    newest = select(WebhookDelivery).where(*_own_of(asker, endpoint_id))
    if only_dead:
        newest = newest.where(DEAD)
    if before is not None:
        newest = newest.where(WebhookDelivery.id < before)
    rows = db.session.scalars(newest.order_by(WebhookDelivery.id.desc()).limit(limit))
    return tuple(_view(row) for row in rows)


@transaction
def send_test(asker: Asker, endpoint_id: UUID, *, now: datetime) -> None:
    """Send a test event, tried once; raises Conflict while the endpoint is paused or switched off."""
    endpoint = _endpoint(asker, endpoint_id)
    if endpoint.state is not EndpointState.ACTIVE:
        raise Conflict(NOT_ACTIVE)
    delivery_id = new_id()
    document = {"id": None, "type": TEST_TYPE, "at": in_iso(now), "data": {"message": "It works."}}
    db.session.add(
        WebhookDelivery(
            id=delivery_id,
            organization_id=endpoint.organization_id,
            endpoint_id=endpoint.id,
            type=TEST_TYPE,
            body=publishing.body_of(document),
            status=DeliveryStatus.WAITING,
            created_at=now,
            next_attempt_at=now,
        )
    )
    endpoint.rest_until = None  # somebody wants to see whether it works again
    _tell(asker, EventKind.WEBHOOK_TESTED, endpoint, now)
    after_commit(lambda: webhook_delivery.ring_for(endpoint_id))


@transaction
def send_again(asker: Asker, endpoint_id: UUID, delivery_id: UUID, *, now: datetime) -> None:
    """Begin anew with one settled delivery, under the id it had; raises Conflict while it is on its way."""
    endpoint = _endpoint(asker, endpoint_id)
    one = (*_own_of(asker, endpoint_id), WebhookDelivery.id == delivery_id)
    delivery = db.session.scalar(select(WebhookDelivery).where(*one))
    if delivery is None:
        raise NotFound
    if not _begin_anew(*one, WebhookDelivery.status != DeliveryStatus.WAITING, now=now):
        raise Conflict(STILL_WAITING)
    _tell(asker, EventKind.WEBHOOK_SENT_AGAIN, endpoint, now)
    after_commit(lambda: webhook_delivery.ring_for(endpoint_id))


@transaction
def send_dead_again(asker: Asker, endpoint_id: UUID, *, now: datetime) -> int:
    """Begin anew with everything that was given up; returns how many that are."""
    endpoint = _endpoint(asker, endpoint_id)
    count = _begin_anew(*_own_of(asker, endpoint_id), DEAD, now=now)
    if count:
        _tell(asker, EventKind.WEBHOOK_SENT_AGAIN, endpoint, now, count=count)
        after_commit(lambda: webhook_delivery.ring_for(endpoint_id))
    return count


def _own_of(asker: Asker, endpoint_id: UUID) -> tuple[ColumnElement[bool], ...]:
    own = WebhookDelivery.organization_id == asker.organization_id
    return (own, WebhookDelivery.endpoint_id == endpoint_id)


def _endpoint(asker: Asker, endpoint_id: UUID) -> WebhookEndpoint:
    own = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    endpoint = db.session.scalar(own.where(WebhookEndpoint.organization_id == asker.organization_id))
    if endpoint is None:
        raise NotFound
    return endpoint


def _begin_anew(*which: ColumnExpressionArgument[bool], now: datetime) -> int:
    anew = update(WebhookDelivery).where(*which)
    values = {"status": DeliveryStatus.WAITING, "attempts": 0, "next_attempt_at": now, "settled_at": None}
    return rows_changed(anew.values(values).execution_options(synchronize_session=False))


def _tell(asker: Asker, kind: EventKind, endpoint: WebhookEndpoint, now: datetime, *, count: int = 1) -> None:
    audit.record(asker, kind, now=now, webhook=str(endpoint.id), host=host_of(endpoint.url), count=count)


def _view(row: WebhookDelivery) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        event_id=row.event_id,
        type=row.type,
        status=row.status,
        created_at=row.created_at,
        attempts=row.attempts,
        last_attempt_at=row.last_attempt_at,
        last_status=row.last_status,
        last_error=row.last_error,
        next_attempt_at=row.next_attempt_at,
    )
