"""When each connection's provider is next asked whether the tokens live: a narrow table beside the busy grants."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import AtOrNever, AtOrNone


class Probe(Base):
    """One connection's place in the round of questions; `due_at` is never where nothing but a human's act plans one.

    Claiming moves `due_at` on and sets `claimed_until`, so that no provider has two batches out at a time.
    """

    __tablename__ = "probes"
    __table_args__ = (
        Index(None, "due_at"),
        Index(None, "provider_id", "due_at"),
        Index(None, "claimed_until"),
    )

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(60))
    due_at: Mapped[AtOrNever]
    claimed_until: Mapped[AtOrNone]
    failures: Mapped[int] = mapped_column(default=0)  # in a row, none of which said anything about the tokens
    last_ok_at: Mapped[AtOrNone]
