"""The outbox: every e-mail is a row first, and is delivered from it."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNever, AtOrNone, CountedId, word

WAITING_REMINDER = text("kind = 'reminder' AND status = 'queued'")
NO_REMINDER = text("kind <> 'reminder'")  # what nobody looks up by member need not be indexed by member


class EmailKind(StrEnum):
    """What an e-mail is for; also its `X-Reconsent-Kind`."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    REMINDER = "reminder"
    FINAL_NOTICE = "final_notice"
    DISPLACED = "displaced"
    ADMIN_DIGEST = "admin_digest"
    ALERT = "alert"


class EmailStatus(StrEnum):
    """Where an e-mail stands: the last three are settled."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    PARKED = "parked"
    WITHDRAWN = "withdrawn"


class Email(Base):
    """One e-mail to one member. It holds no address, no link and no text: those are made when it is delivered.

    At most one reminder a member is queued, one that was refused included; connections that become due meanwhile join
    it. No foreign keys: the sweep writes these rows by the ten thousand, from rows that have them, and each key would
    cost it a fifth more.
    """

    __tablename__ = "emails"
    __table_args__ = (
        Index(None, "next_attempt_at"),
        Index(
            "ix_emails_but_reminders",
            "member_id",
            "kind",
            "created_at",
            sqlite_where=NO_REMINDER,
            postgresql_where=NO_REMINDER,
        ),
        Index(
            "uq_emails_waiting_reminder",
            "member_id",
            unique=True,
            sqlite_where=WAITING_REMINDER,
            postgresql_where=WAITING_REMINDER,
        ),
    )

    id: Mapped[CountedId]
    organization_id: Mapped[UUID]
    member_id: Mapped[UUID]
    kind: Mapped[EmailKind] = mapped_column(word(EmailKind))
    status: Mapped[EmailStatus] = mapped_column(word(EmailStatus), default=EmailStatus.QUEUED)
    connection_id: Mapped[UUID | None]
    place: Mapped[str | None] = mapped_column(String(500))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # plain facts of the kind, never a secret
    created_at: Mapped[At]
    next_attempt_at: Mapped[AtOrNever]  # never once settled; while sending, when the claim lapses
    claimed_by: Mapped[str | None] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(default=0)
    settled_at: Mapped[AtOrNone]
    last_error: Mapped[str | None] = mapped_column(String(300))
