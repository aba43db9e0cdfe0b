"""The audit log: one line a fact, written in the transaction of the change it tells of."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, CountedId


class Event(Base):
    """`kind` is one of the closed vocabulary in `services/audit.py`; facts hold ids and plain words, never secrets."""

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "organization_id", "id"),
        Index(None, "connection_id", "id"),
        Index(None, "organization_id", "kind", "id"),
    )

    id: Mapped[CountedId]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    at: Mapped[At]
    kind: Mapped[str] = mapped_column(String(60))
    actor: Mapped[str] = mapped_column(String(80))  # member:<id>, api_key:<id>, portal, command
    member_id: Mapped[UUID | None]
    connection_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
