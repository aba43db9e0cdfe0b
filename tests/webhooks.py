"""A receiver of webhooks, endpoints that point to it, and looking at what became of deliveries."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from standardwebhooks import Webhook
from werkzeug import Request, Response

from portal import clock
from portal.crypto import Secret
from portal.db import db, reading, transaction
from portal.models import WebhookDelivery, WebhookEndpoint
from portal.services import audit, publishing, webhook_delivery, webhook_outbox, webhooks
from portal.services.audit import EventKind
from portal.services.webhook_delivery import Tally
from portal.services.webhooks import Wish
from tests.factories import NOON, Person
from tests.http_server import ScriptedServer


@dataclass
class Received:
    """One request as the receiver saw it."""

    id: str
    body: bytes
    headers: dict[str, str] = field(repr=False)

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.body)

    def verified(self, secret: Secret) -> dict[str, Any]:
        """The document, if the library of Standard Webhooks finds it signed with the secret."""
        return Webhook(secret.reveal()).verify(self.body, self.headers)


class Receiver:
    """Takes webhooks at one path and answers what it is told to, 200 otherwise."""

    def __init__(self, server: ScriptedServer, path: str = "/hook") -> None:
        self.url = server.url_for(path)
        self.host = f"{server.host}:{server.port}"
        self.received: list[Received] = []
        self.arrived: list[float] = []
        self.answers: list[Response] = []
        server.expect_request(path).respond_with_handler(self._take)

    def will_answer(self, *statuses: int, **headers: str) -> None:
        """The next answers, one a request."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [Response(status=status, headers=named) for status in statuses]

    @property
    def types(self) -> list[str]:
        return [one.document["type"] for one in self.received]

    def _take(self, request: Request) -> Response:
        self.arrived.append(monotonic())
        self.received.append(Received(request.headers["webhook-id"], request.get_data(), dict(request.headers)))
        return self.answers.pop(0) if self.answers else Response(status=200)


def make_endpoint(admin: Person, url: str, *, types: Collection[str] = (), now: datetime = NOON) -> tuple[UUID, Secret]:
    view, secret = webhooks.create(admin.asker, Wish(url=url, types=types), now=now)
    return view.id, secret


@transaction
def happen(
    owner: Person, connection_id: UUID, kind: EventKind = EventKind.CONNECTION_DISCONNECTED, **facts: Any
) -> None:
    """Something that the log tells of a connection."""
    now = facts.pop("now", NOON)
    audit.record(owner.asker, kind, now=now, connection_id=connection_id, member_id=owner.id, **facts)


def publish_and_deliver(now: datetime) -> Tally:
    """What the ticker and the workers do at this moment."""
    publishing.publish(now=now)
    return deliver(now)


def deliver(now: datetime) -> Tally:
    """What the workers do at this moment with what is published already."""
    ready = webhook_outbox.ready(now=now, most=100)
    return webhook_delivery.deliver(ready, now=now, machine_now=clock.machine_now())


@reading
def deliveries(endpoint_id: UUID | None = None) -> Sequence[WebhookDelivery]:
    """Every delivery's row, oldest first."""
    found = select(WebhookDelivery).order_by(WebhookDelivery.id).execution_options(populate_existing=True)
    rows = db.session.scalars(found if endpoint_id is None else found.where(WebhookDelivery.endpoint_id == endpoint_id))
    kept = rows.all()
    db.session.expunge_all()
    return kept


@reading
def endpoint_row(endpoint_id: UUID) -> WebhookEndpoint:
    row = db.session.get_one(WebhookEndpoint, endpoint_id, populate_existing=True)
    db.session.expunge_all()
    return row


@transaction
def change_endpoint(endpoint_id: UUID, **columns: Any) -> None:
    db.session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**columns))
