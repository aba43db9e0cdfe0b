"""API keys of an organization's backends, stored hashed, and what they are used for."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, Uuid
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
    providers: Mapped[str | None] = mapped_column(Text)  # the only ones it is for: sorted ids between blanks
    created_at: Mapped[At]
    created_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))
    last_used_at: Mapped[AtOrNone]
    expires_at: Mapped[AtOrNone]
    replaced_at: Mapped[AtOrNone]  # a second key of the same name was made to take over
    revoked_at: Mapped[AtOrNone]


class KeyUse(Base):
    """How often a key has fetched a connection's token, written in batches some seconds after the fact.

    Without foreign keys: one count that comes too late for whatever it is about must not hold up its batch. Weeks are
    numbered by `rules.api_keys.week_of`; the counts of two of them say how much is going on lately.
    """

    __tablename__ = "key_uses"
    __table_args__ = (Index(None, "connection_id"), {"sqlite_with_rowid": False})

    api_key_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    connection_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    organization_id: Mapped[UUID]
    uses: Mapped[int] = mapped_column(BigInteger)
    first_used_at: Mapped[At]
    last_used_at: Mapped[At]
    week: Mapped[int]
    week_uses: Mapped[int]
    earlier_uses: Mapped[int]  # in the week before
