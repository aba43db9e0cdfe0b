"""A member (a person in an organization) and the browser sessions they are signed in with."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNone, Id, new_id, word
from portal.rules.roles import Role


class Member(Base):
    """A person in an organization, known by e-mail address."""

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("organization_id", "email"),
        Index(None, "email"),
        Index(None, "organization_id", "team"),
        Index(None, "organization_id", "name", "id"),
    )

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    email: Mapped[str] = mapped_column(String(254))  # normalized
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(word(Role))
    team: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[At]
    invited_at: Mapped[AtOrNone]
    last_signed_in_at: Mapped[AtOrNone]
    deactivated_at: Mapped[AtOrNone]


class BrowserSession(Base):
    """A signed-in browser: the row is the truth, the cookie only names it (its token is stored hashed)."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "member_id"), Index(None, "last_seen_at"))

    id: Mapped[Id] = mapped_column(default=new_id)
    token_digest: Mapped[bytes] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    browser: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[At]
    last_seen_at: Mapped[At]
    ended_at: Mapped[AtOrNone]
