"""A trip to the provider's consent page (an attempt), and what it brought if a person must decide (a pending grant)."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.crypto import Sealed
from portal.db import Base, SealedBytes
from portal.models.columns import At, AtOrNever, AtOrNone, Entered, Id, new_id


class ConsentAttempt(Base):
    """Begun by a POST in one browser session and finished by that session alone, once, within 15 minutes."""

    __tablename__ = "consent_attempts"
    __table_args__ = (Index(None, "expires_at"), Index(None, "session_id"))

    id: Mapped[Id] = mapped_column(default=new_id)
    state_digest: Mapped[bytes] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    session_id: Mapped[UUID] = mapped_column(ForeignKey("sessions.id"))
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))  # None: a new connection
    provider_id: Mapped[str] = mapped_column(String(60))
    nickname: Mapped[str] = mapped_column(String(60))
    connector: Mapped[str | None] = mapped_column(String(60))
    vars: Mapped[Entered]
    nonce: Mapped[str] = mapped_column(String(64))
    code_verifier: Mapped[Sealed] = mapped_column(SealedBytes)
    created_at: Mapped[At]
    expires_at: Mapped[At]
    spent_at: Mapped[AtOrNone]


class PendingGrant(Base):
    """A new grant that differs from the connection's and waits, sealed, for the member's decision."""

    __tablename__ = "pending_grants"
    __table_args__ = (Index(None, "settled_at", "expires_at"), Index(None, "connection_id"), Index(None, "session_id"))

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    session_id: Mapped[UUID | None] = mapped_column(ForeignKey("sessions.id"))  # None: only to be revoked, by a backend
    connection_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))  # None: a new connection
    provider_id: Mapped[str] = mapped_column(String(60))
    nickname: Mapped[str] = mapped_column(String(60))
    connector: Mapped[str | None] = mapped_column(String(60))
    vars: Mapped[Entered]
    seen_generation: Mapped[int | None]  # of the grant it was compared with
    subject: Mapped[str] = mapped_column(String(255))
    subject_label: Mapped[str | None] = mapped_column(String(200))
    scopes: Mapped[str] = mapped_column(Text)
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    token_type: Mapped[str] = mapped_column(String(40))
    access_token: Mapped[Sealed | None] = mapped_column(SealedBytes)
    refresh_token: Mapped[Sealed | None] = mapped_column(SealedBytes)
    access_expires_at: Mapped[AtOrNever]
    refresh_expires_at: Mapped[AtOrNone]
    extra: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # as in a grant
    created_at: Mapped[At]
    expires_at: Mapped[At]
    settled_at: Mapped[AtOrNone]
    decision: Mapped[str | None] = mapped_column(String(32))  # a comparison choice, or "forgotten"
    is_revocation_outstanding: Mapped[bool] = mapped_column(default=False)


def seal_context(pending_id: UUID, column: str) -> str:
    """What a pending grant's sealed column is bound to."""
    return f"pending_grant:{pending_id}:{column}"


def verifier_context(attempt_id: UUID) -> str:
    """What an attempt's PKCE verifier is bound to."""
    return f"consent_attempt:{attempt_id}:code_verifier"
