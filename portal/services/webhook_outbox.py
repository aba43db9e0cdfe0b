"""Webhooks' deliveries as rows: whose turn an endpoint is, what is due for it, and what became of each attempt.

One job at a time delivers to an endpoint, so that a slow one costs one turn and events go out in their order as far as
they can. The turn is a lease that lapses: what a worker that died had sent and not noted is sent again, with the same
id and the same bytes.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, or_, select, update

from portal.crypto import Sealed, Secret
from portal.db import db, reading, rows_changed, transaction
from portal.extensions import keyring
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.models.webhook import DeliveryStatus, EndpointState, secret_context

LEASE = timedelta(seconds=60)  # longer than a turn (20 s) and one attempt after it (10 s) take
LONGEST_ERROR = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery that is ours to try now."""

    delivery_id: UUID
    endpoint_id: UUID
    organization_id: UUID
    event_id: int | None
    url: str = field(repr=False)
    body: str = field(repr=False)
    attempts: int
    failures: int
    failing_since: datetime | None
    secrets: tuple[Secret, ...]

    @property
    def is_test(self) -> bool:
        """Whether an admin only wants to see what the endpoint says."""
        return self.event_id is None

    @property
    def message_id(self) -> str:
        """The same at every attempt, and for every endpoint: whoever gets an event twice can tell."""
        return f"evt_{self.event_id}" if self.event_id is not None else f"test_{self.delivery_id.hex}"


@transaction
def take_turn(endpoint_id: UUID, owner: str, *, now: datetime) -> bool:
    """Take the endpoint's turn if it is nobody's and something is due; it is ours for a minute at most."""
    taking = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, *_is_ready(now))
    return _changed(taking, lease_owner=owner, lease_until=now + LEASE) == 1


@transaction
def end_turn(endpoint_id: UUID, owner: str) -> None:
    """Let others have it."""
    ours = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id, WebhookEndpoint.lease_owner == owner)
    _changed(ours, lease_owner=None, lease_until=None)


@reading
def ready(*, now: datetime, most: int) -> tuple[UUID, ...]:
    """The endpoints for which something is due, and nobody at it."""
    return tuple(db.session.scalars(select(WebhookEndpoint.id).where(*_is_ready(now)).limit(most)))


@reading
def next_attempt(endpoint_id: UUID, owner: str, *, now: datetime) -> Attempt | None:
    """What is due first, looked up anew before each attempt: None once the endpoint is paused, rests or is gone."""
    due = select(WebhookDelivery, WebhookEndpoint).join(
        WebhookEndpoint, WebhookEndpoint.id == WebhookDelivery.endpoint_id
    )
    due = due.where(WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.next_attempt_at <= now)
    ours = due.where(WebhookEndpoint.lease_owner == owner, *_is_awake(now))
    row = db.session.execute(ours.order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.id).limit(1)).first()
    return None if row is None else _attempt(row, now)


@transaction
def note_delivered(attempt: Attempt, status: int, *, now: datetime) -> bool:
    """The endpoint took it; False if somebody else has settled or tried it meanwhile."""
    settled = {"status": DeliveryStatus.DELIVERED, "settled_at": now, "next_attempt_at": None}
    is_ours = _note(attempt, last_status=status, last_error=None, last_attempt_at=now, **settled)
    if is_ours:
        _endpoint(attempt, last_delivered_at=now, failing_since=None, failures=0, rest_until=None)
    return is_ours


@transaction
def note_failed(
    attempt: Attempt,
    status: int | None,
    reason: str,
    *,
    again_at: datetime | None,
    rest: datetime | None,
    now: datetime,
) -> bool:
    """It was not taken: due again then, or dead if that is None; the endpoint is left alone until `rest`."""
    error = reason[:LONGEST_ERROR]
    settled = {"status": DeliveryStatus.DEAD, "settled_at": now} if again_at is None else {}
    noted = {"last_status": status, "last_error": error, "last_attempt_at": now}
    is_ours = _note(attempt, next_attempt_at=again_at, **noted, **settled)
    if is_ours:
        since = {} if attempt.is_test else {"failing_since": func.coalesce(WebhookEndpoint.failing_since, now)}
        troubled = {"failures": attempt.failures + 1, "rest_until": rest} if rest else {}
        _endpoint(attempt, last_failed_at=now, last_failure=error, **since, **troubled)
    return is_ours


def _is_ready(now: datetime) -> tuple[ColumnElement[bool], ...]:
    due = exists().where(WebhookDelivery.endpoint_id == WebhookEndpoint.id, WebhookDelivery.next_attempt_at <= now)
    free = or_(WebhookEndpoint.lease_until.is_(None), WebhookEndpoint.lease_until <= now)
    return (*_is_awake(now), free, due)


def _is_awake(now: datetime) -> tuple[ColumnElement[bool], ...]:
    rested = or_(WebhookEndpoint.rest_until.is_(None), WebhookEndpoint.rest_until <= now)
    return (WebhookEndpoint.state == EndpointState.ACTIVE, rested)


def _attempt(row: Row[WebhookDelivery, WebhookEndpoint], now: datetime) -> Attempt:
    delivery, endpoint = row.WebhookDelivery, row.WebhookEndpoint
    sealed = [endpoint.secret]
    if endpoint.previous_secret is not None and endpoint.previous_until and now < endpoint.previous_until:
        sealed.append(endpoint.previous_secret)
    return Attempt(
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        organization_id=endpoint.organization_id,
        event_id=delivery.event_id,
        url=endpoint.url,
        body=delivery.body,
        attempts=delivery.attempts,
        failures=endpoint.failures,
        failing_since=endpoint.failing_since,
        secrets=tuple(_opened(endpoint.id, one) for one in sealed),
    )


def _opened(endpoint_id: UUID, sealed: Sealed) -> Secret:
    return keyring().open(sealed, secret_context(endpoint_id))


def _note(attempt: Attempt, **values: Any) -> bool:
    """Only over exactly what was seen: a late loser never settles anew what was sent again meanwhile."""
    seen = update(WebhookDelivery).where(
        WebhookDelivery.id == attempt.delivery_id,
        WebhookDelivery.status == DeliveryStatus.WAITING,
        WebhookDelivery.attempts == attempt.attempts,
    )
    return _changed(seen, attempts=attempt.attempts + 1, **values) == 1


def _endpoint(attempt: Attempt, **values: Any) -> None:
    _changed(update(WebhookEndpoint).where(WebhookEndpoint.id == attempt.endpoint_id), **values)


def _changed(statement: Any, **values: Any) -> int:
    return rows_changed(statement.values(**values).execution_options(synchronize_session=False))
