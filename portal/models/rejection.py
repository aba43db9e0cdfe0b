"""What a connection's backends have reported last, so that their word costs the provider one call and no more."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, word
from portal.rules.rejections import Step


class Rejection(Base):
    """The newest generation that was reported as refused; see `rules.rejections.Noted`."""

    __tablename__ = "rejections"

    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), primary_key=True)
    generation: Mapped[int]
    step: Mapped[Step] = mapped_column(word(Step))
    checks: Mapped[int]
    rests_until: Mapped[At]
