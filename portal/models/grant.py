"""The grant behind a connection: what its latest consent gave, the sealed tokens, and the lease on refreshing them."""

from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.crypto import Sealed
from portal.db import Base, SealedBytes
from portal.models.columns import At, AtOrNever, AtOrNone

IS_FAILING = text("last_fault IS NOT NULL")
IS_UNREFRESHED = text("failing_since IS NOT NULL")
HAS_PREVIOUS = text("previous_until IS NOT NULL")


class Grant(Base):
    """One connection's tokens.

    `generation` is raised by every write of tokens, and every such write names the generation it has seen. A refresher
    holds the lease (`lease_owner`, `lease_until`) while it talks to the provider. The refresh token that the latest
    rotation replaced is kept, sealed, for as long as the provider still honours it.
    """

    __tablename__ = "grants"
    __table_args__ = (
        Index(None, "refresh_due_at"),
        Index(None, "lease_until"),
        Index(
            "ix_grants_failing",
            "provider_id",
            "last_fault",
            "last_fault_at",
            sqlite_where=IS_FAILING,
            postgresql_where=IS_FAILING,
        ),
        Index("ix_grants_unrefreshed", "failing_since", sqlite_where=IS_UNREFRESHED, postgresql_where=IS_UNREFRESHED),
        Index("ix_grants_previous", "previous_until", sqlite_where=HAS_PREVIOUS, postgresql_where=HAS_PREVIOUS),
    )

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    provider_id: Mapped[str] = mapped_column(String(60))
    generation: Mapped[int]
    scopes: Mapped[str] = mapped_column(Text)  # sorted, separated by blanks
    accounts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)  # [{"id", "name"}]
    token_type: Mapped[str] = mapped_column(String(40))
    access_token: Mapped[Sealed | None] = mapped_column(SealedBytes)
    refresh_token: Mapped[Sealed | None] = mapped_column(SealedBytes)
    previous_refresh_token: Mapped[Sealed | None] = mapped_column(SealedBytes)
    previous_until: Mapped[AtOrNone]
    rotated_at: Mapped[AtOrNone]  # when the present refresh token replaced another; None: it is the consent's own
    issued_at: Mapped[At]  # when the access token came
    access_expires_at: Mapped[AtOrNever]
    refresh_expires_at: Mapped[AtOrNone]
    refresh_due_at: Mapped[AtOrNever]  # when the background refreshes it, backing off included
    failures: Mapped[int] = mapped_column(default=0)  # transient ones in a row
    last_fault: Mapped[str | None] = mapped_column(String(40))  # of the latest attempt; None once one went well
    last_fault_at: Mapped[AtOrNone]
    failing_since: Mapped[AtOrNone]  # when the first of the refreshes that have failed in a row did
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[AtOrNone]
    extra: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True)
    )  # what the file wants kept, by pointer


def seal_context(connection_id: UUID, column: str) -> str:
    """What a grant's sealed column is bound to."""
    return f"grant:{connection_id}:{column}"
