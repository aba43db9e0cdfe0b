"""When each part of the portal was last seen at work."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At


class Heartbeat(Base):
    """One name (`scheduler`, `worker`) and when it last did something, by real time."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    seen_at: Mapped[At]
