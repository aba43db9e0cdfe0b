"""Publishing: public events become visible to pollers, and deliveries to the endpoints that want them, in one step.

The transactions that change connections pay nothing for it. The feed's one row says how far publishing has come;
deliveries are written in the transaction that moves it on, so none is ever left out or written twice.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from portal.bulk import insert_rows
from portal.db import db, transaction
from portal.models import Event, EventFeed, WebhookDelivery, WebhookEndpoint
from portal.models.columns import new_id
from portal.models.webhook import DeliveryStatus, EndpointState
from portal.quick import QuickSelect
from portal.rules.webhooks import PUBLIC_TYPES, is_wanted
from portal.services import public_events, settling
from portal.services.public_events import PublicEvent

AT_ONCE = 5_000  # events of the log a transaction: what is written for them stays within a second
MOST_STEPS = 100  # then others are let to the worker; the next tick goes on

Endpoints = Mapping[UUID, Sequence[WebhookEndpoint]]

_STANDING = QuickSelect(select(EventFeed.published_id, select(func.max(Event.id)).scalar_subquery()))


def publish(*, now: datetime, at_once: int = AT_ONCE) -> int:
    """Publish what is settled and was not published yet; returns how many deliveries are to be made of it."""
    made = 0
    for _ in range(MOST_STEPS):
        if _is_all_published():
            break
        new = _publish_some(at_once, now=now)
        if new is None:
            break
        made += new
    return made


def body_of(document: Mapping[str, Any]) -> str:
    """A webhook's body: the document of the event, its moment also under the name that Standard Webhooks gives it."""
    return json.dumps({**document, "timestamp": document["at"]}, ensure_ascii=False, separators=(",", ":"))


def _is_all_published() -> bool:
    published, newest = _STANDING.first(db.engine, {}) or (0, 0)
    return bool(published >= (newest or 0))


@transaction
def _publish_some(at_once: int, *, now: datetime) -> int | None:
    """One step; None when there is nothing settled to go on to, or somebody else is publishing."""
    feed = db.session.scalar(select(EventFeed).with_for_update(skip_locked=True))
    if feed is None:
        return None
    settled = settling.settled_id(feed)
    if settled <= feed.published_id:
        return None
    endpoints = _listening()
    up_to = min(settled, feed.published_id + at_once) if endpoints else settled
    rows = _deliveries(_public(feed.published_id, up_to, endpoints), endpoints, now) if endpoints else []
    insert_rows(db.session(), WebhookDelivery, rows)
    feed.published_id = up_to
    return len(rows)


def _listening() -> Endpoints:
    """The endpoints that events are kept for, by organization."""
    listening: dict[UUID, list[WebhookEndpoint]] = defaultdict(list)
    for endpoint in db.session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.state != EndpointState.OFF)):
        listening[endpoint.organization_id].append(endpoint)
    return listening


def _public(after: int, up_to: int, endpoints: Endpoints) -> Sequence[PublicEvent]:
    stretch = public_events.described().where(Event.id > after, Event.id <= up_to, Event.kind.in_(PUBLIC_TYPES))
    return public_events.told(stretch.where(Event.organization_id.in_(endpoints)).order_by(Event.id))


def _deliveries(events: Sequence[PublicEvent], endpoints: Endpoints, now: datetime) -> list[dict[str, Any]]:
    wanted = list(_wanted(events, endpoints))
    ids = sorted(new_id() for _ in wanted)  # growing as the events do: deliveries are made in the order of their ids
    return [_row(one, event, endpoint, now) for one, (event, endpoint) in zip(ids, wanted, strict=True)]


def _wanted(events: Sequence[PublicEvent], endpoints: Endpoints) -> Iterator[tuple[PublicEvent, WebhookEndpoint]]:
    for event in events:
        for endpoint in endpoints[event.organization_id]:
            if event.at >= endpoint.created_at and is_wanted(endpoint.types.split(), event.type):
                yield event, endpoint


def _row(delivery_id: UUID, event: PublicEvent, endpoint: WebhookEndpoint, now: datetime) -> dict[str, Any]:
    return {
        "id": delivery_id,
        "organization_id": endpoint.organization_id,
        "endpoint_id": endpoint.id,
        "event_id": event.id,
        "type": event.type.value,
        "body": body_of(event.document),
        "status": DeliveryStatus.WAITING,
        "created_at": now,
        "next_attempt_at": now,
    }
