"""What an organization's admins have been told already: one row a thing, so that nothing is told twice."""

from uuid import UUID

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At

LONGEST_KEY = 200


class Notice(Base):
    """One alert to one organization's admins, named by what it is about."""

    __tablename__ = "notices"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(LONGEST_KEY), primary_key=True)
    raised_at: Mapped[At]
