"""API keys of an organization's backends, stored hashed."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNone, Id, new_id


class ApiKey(Base):
    """A key has 256 random bits, so its SHA-256 is all that needs to be stored; `prefix` lets people recognise it."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "organization_id", "name"),)

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(String(80))
    prefix: Mapped[str] = mapped_column(String(16))
    digest: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[At]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))
    last_used_at: Mapped[AtOrNone]
    expires_at: Mapped[AtOrNone]
    revoked_at: Mapped[AtOrNone]
