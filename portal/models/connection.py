"""A connection: a member's lasting link to one login at one provider."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNever, AtOrNone, Entered, Id, new_id, word
from portal.rules.status import ConnectionState, EndStage

HOLDS_LOGIN = text("state IN ('active', 'needs_reconsent')")
END_UNANNOUNCED = text("state = 'active' AND (announced_end_at IS NULL OR announced_end_at <> consent_expires_at)")
END_AHEAD = text("state = 'active' AND announced = 'ending'")


class Connection(Base):
    """What the dashboard shows; the tokens live in the grant.

    `consent_expires_at` is the moment a human must act: None when nothing is known to end it, and in the past once
    background refreshing has stopped working for good. One provider login is held by one connection at a time.
    """

    __tablename__ = "connections"
    __table_args__ = (
        Index(None, "organization_id", "consent_expires_at", "id"),
        Index(None, "organization_id", "state", "consent_expires_at", "id"),
        Index(None, "organization_id", "provider_id", "consent_expires_at", "id"),
        Index(None, "member_id", "consent_expires_at", "id"),
        Index(
            "uq_connections_held_login",
            "provider_id",
            "subject",
            unique=True,
            sqlite_where=HOLDS_LOGIN,
            postgresql_where=HOLDS_LOGIN,
        ),
        Index(
            "ix_connections_end_unannounced",
            "organization_id",
            "state",  # always the same here; SQLite would take the index above without it
            "consent_expires_at",
            sqlite_where=END_UNANNOUNCED,
            postgresql_where=END_UNANNOUNCED,
        ),
        Index("ix_connections_end_ahead", "consent_expires_at", sqlite_where=END_AHEAD, postgresql_where=END_AHEAD),
    )

    id: Mapped[Id] = mapped_column(default=new_id)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    provider_id: Mapped[str] = mapped_column(String(60))
    nickname: Mapped[str] = mapped_column(String(60))
    state: Mapped[ConnectionState] = mapped_column(word(ConnectionState))
    state_since: Mapped[At]
    state_reason: Mapped[str | None] = mapped_column(String(200))  # why it needs reconsent, in plain words
    consent_expires_at: Mapped[AtOrNever]
    consent_end_source: Mapped[str | None] = mapped_column(String(20))  # of `grants.END_SOURCES`, or "import"
    subject: Mapped[str | None] = mapped_column(String(255))
    subject_label: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[At]
    connected_at: Mapped[AtOrNone]  # this login's first consent
    consented_at: Mapped[AtOrNone]  # the latest consent
    invited_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("members.id"))
    displaced_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("connections.id"))
    is_revocation_outstanding: Mapped[bool] = mapped_column(default=False)
    is_revocation_unsupported: Mapped[bool | None]  # it was disconnected, and its provider has no way to be told
    connector: Mapped[str | None] = mapped_column(String(60))  # which of its file's variants (a bank)
    vars: Mapped[Entered]  # the variables of its file that were entered for it alone
    announced: Mapped[EndStage | None] = mapped_column(word(EndStage))  # what the log has told of its end,
    announced_end_at: Mapped[AtOrNone]  # and of which end: a renewal has another
