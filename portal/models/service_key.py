"""The key behind a server-to-server connection, in its own table: it refreshes where nobody could consent again."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.crypto import Sealed
from portal.db import Base, SealedBytes
from portal.models.columns import At, AtOrNever, word
from portal.rules.service_keys import EndSource


class ServiceKey(Base):
    """One connection's key; it stands here only after a token was fetched with it, and is overwritten by the next one.

    `algorithm` and `key_id` are empty where the key is an assertion that was signed elsewhere.
    """

    __tablename__ = "service_keys"
    __table_args__ = (Index(None, "ends_at"),)

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    secret: Mapped[Sealed] = mapped_column(SealedBytes)
    algorithm: Mapped[str] = mapped_column(String(10))
    key_id: Mapped[str] = mapped_column(String(255))
    fingerprint: Mapped[str] = mapped_column(String(60))
    ends_at: Mapped[AtOrNever]
    end_source: Mapped[EndSource | None] = mapped_column(word(EndSource))
    uploaded_at: Mapped[At]
    uploaded_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))


def seal_context(connection_id: UUID) -> str:
    """What a sealed key is bound to."""
    return f"service_key:{connection_id}"
