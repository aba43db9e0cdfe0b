"""An organization: the tenant, its policy and its time zone."""

from datetime import date

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, Id, new_id


class Organization(Base):
    """A tenant. Times of day are minutes after midnight in its own time zone."""

    __tablename__ = "organizations"

    id: Mapped[Id] = mapped_column(default=new_id)
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    reminder_lead_days: Mapped[int] = mapped_column(default=14)
    reminder_rhythm_days: Mapped[int] = mapped_column(default=2)
    window_opens_minute: Mapped[int] = mapped_column(default=8 * 60)
    window_closes_minute: Mapped[int] = mapped_column(default=18 * 60)
    policy_period_days: Mapped[int | None]  # how often a human must consent where the provider states no end
    created_at: Mapped[At]
    digest_week: Mapped[date | None]  # of the latest digest, by its Monday
