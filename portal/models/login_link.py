"""Login links as they are stored (never the token itself), and requests for one that wait for their answer."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNone, CountedId, Id, new_id, word
from portal.rules.login_links import LinkPurpose


class LoginLink(Base):
    """One minted link; its token is this id and an HMAC under our key, so nothing stored here signs anybody in."""

    __tablename__ = "login_links"
    __table_args__ = (Index(None, "member_id"), Index(None, "expires_at"))

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    email_id: Mapped[int | None] = mapped_column(ForeignKey("emails.id", ondelete="SET NULL"), unique=True)
    purpose: Mapped[LinkPurpose] = mapped_column(word(LinkPurpose))
    place: Mapped[str] = mapped_column(String(500))  # the local path it leads to
    minted_at: Mapped[At]
    counted_from: Mapped[AtOrNone]  # its life: the latest attempt to deliver it; None in older rows
    expires_at: Mapped[At]
    used_at: Mapped[AtOrNone]
    superseded_at: Mapped[AtOrNone]


class SignInRequest(Base):
    """Somebody typed an address: answered by a job, so that known and unknown addresses take the same time."""

    __tablename__ = "sign_in_requests"
    __table_args__ = (Index(None, "answered_at", "requested_at"), Index(None, "address", "requested_at"))

    id: Mapped[CountedId]
    address: Mapped[str] = mapped_column(String(254))
    place: Mapped[str] = mapped_column(String(500))
    requested_at: Mapped[At]
    answered_at: Mapped[AtOrNone]
