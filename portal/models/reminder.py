"""When each connection's next reminder is due: a narrow table, so that a sweep over a million rows costs nothing."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import AtOrNever, AtOrNone


class Reminder(Base):
    """One connection's place in its series.

    Claiming a due step sets `email_id` and moves `next_at` to never; when that e-mail is settled the next step is
    planned. A renewal plans anew and lets go of the e-mail, which then has nothing to say and is withdrawn.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        Index(None, "next_at"),
        Index(None, "member_id"),
    )

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("members.id"))
    next_at: Mapped[AtOrNever]
    next_step: Mapped[int | None]
    last_step: Mapped[int | None]
    last_sent_at: Mapped[AtOrNone]
    email_id: Mapped[int | None] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))  # found by member
