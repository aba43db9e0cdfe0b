"""Webhook endpoints, what is delivered to them, and how far public events have been published."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.crypto import Sealed
from portal.db import Base, SealedBytes
from portal.models.columns import At, AtOrNever, AtOrNone, Id, new_id, word

BigNumber = BigInteger().with_variant(Integer, "sqlite")
DEAD = text("status = 'dead'")


class EndpointState(StrEnum):
    """Whether an endpoint is sent to: while `paused` (by an admin) events wait, while `off` (by us) none are kept."""

    ACTIVE = "active"
    PAUSED = "paused"
    OFF = "off"


class DeliveryStatus(StrEnum):
    """Where a delivery stands; the last two are settled."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


class WebhookEndpoint(Base):
    """An address of the organization's own that public events are sent to.

    One job at a time delivers to it: the lease says whose turn it is, and lapses with whoever holds it. After trouble
    it rests; `failing_since` is the first failure since anything was delivered.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index(None, "organization_id", "created_at"),)

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    url: Mapped[str] = mapped_column(String(1000))
    description: Mapped[str] = mapped_column(String(100), default="")
    types: Mapped[str] = mapped_column(Text, default="")  # the chosen ones between blanks; empty: every type
    state: Mapped[EndpointState] = mapped_column(word(EndpointState), default=EndpointState.ACTIVE)
    state_since: Mapped[At]
    off_reason: Mapped[str | None] = mapped_column(String(200))
    secret: Mapped[Sealed] = mapped_column(SealedBytes)
    secret_made_at: Mapped[At]
    previous_secret: Mapped[Sealed | None] = mapped_column(SealedBytes)
    previous_until: Mapped[AtOrNone]
    created_at: Mapped[At]
    last_delivered_at: Mapped[AtOrNone]
    last_failed_at: Mapped[AtOrNone]
    last_failure: Mapped[str | None] = mapped_column(String(200))
    failing_since: Mapped[AtOrNone]
    failures: Mapped[int] = mapped_column(default=0)  # of the endpoint itself, in a row
    rest_until: Mapped[AtOrNone]
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[AtOrNone]


class WebhookDelivery(Base):
    """One event on its way to one endpoint. The body is written once, so that every attempt sends the same bytes."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index(None, "endpoint_id", "id"),
        Index(None, "endpoint_id", "next_attempt_at", "id"),
        Index("ix_webhook_deliveries_dead", "endpoint_id", "id", sqlite_where=DEAD, postgresql_where=DEAD),
        Index(None, "settled_at"),
    )

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    event_id: Mapped[int | None] = mapped_column(BigNumber)  # none: a test
    type: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    status: Mapped[DeliveryStatus] = mapped_column(word(DeliveryStatus), default=DeliveryStatus.WAITING)
    created_at: Mapped[At]
    next_attempt_at: Mapped[AtOrNever]  # never once settled
    attempts: Mapped[int] = mapped_column(default=0)
    last_attempt_at: Mapped[AtOrNone]
    last_status: Mapped[int | None]  # of the last attempt's answer; none if there was no answer
    last_error: Mapped[str | None] = mapped_column(String(200))
    settled_at: Mapped[AtOrNone]


class EventFeed(Base):
    """The one row that says up to which id the log's public events are published, to pollers and webhooks alike.

    `writers` are the transactions that were writing events when `candidate_id` was the newest one to be seen.
    """

    __tablename__ = "event_feed"

    id: Mapped[int] = mapped_column(primary_key=True)
    published_id: Mapped[int] = mapped_column(BigNumber)
    candidate_id: Mapped[int] = mapped_column(BigNumber)
    writers: Mapped[list[str]] = mapped_column(JSON)


def secret_context(endpoint_id: UUID) -> str:
    """What an endpoint's sealed secrets are bound to; the same for both, for a replaced one moves over."""
    return f"webhook:{endpoint_id}:secret"
