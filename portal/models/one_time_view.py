"""Secrets that were just made and wait to be shown, once."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.crypto import Sealed
from portal.db import Base, SealedBytes
from portal.models.columns import At, Id, new_id


class OneTimeView(Base):
    """A sealed secret for the browser session that made it; the row goes when it is shown, or soon after."""

    __tablename__ = "one_time_views"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[Id] = mapped_column(default=new_id)
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"))
    subject_id: Mapped[UUID]  # what it is the secret of
    secret: Mapped[Sealed] = mapped_column(SealedBytes)
    expires_at: Mapped[At]


def seal_context(view_id: UUID) -> str:
    """What the sealed secret is bound to."""
    return f"one_time_view:{view_id}:secret"
