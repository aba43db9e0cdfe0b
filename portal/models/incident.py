"""Incidents: many like failures of one provider; who lets their members' e-mails go; and how fast it may be asked."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.models.columns import At, AtOrNone, Id, new_id, word
from portal.rules.verdicts import Fault

STILL_OPEN = text("healed_at IS NULL")


class Incident(Base):
    """One provider's trouble, for the whole portal: the app is the operator's. At most one is open a provider.

    `next_trial_at` is when somebody may ask the provider again, `successes` are the trials in a row that went well.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        Index(
            "uq_incidents_open",
            "provider_id",
            unique=True,
            sqlite_where=STILL_OPEN,
            postgresql_where=STILL_OPEN,
        ),
        Index(None, "began_at"),
    )

    id: Mapped[Id] = mapped_column(default=new_id)
    provider_id: Mapped[str] = mapped_column(String(60))
    fault: Mapped[Fault] = mapped_column(word(Fault))
    reason: Mapped[str] = mapped_column(String(200))  # of the failure that made it one
    began_at: Mapped[At]
    last_failure_at: Mapped[At]
    next_trial_at: Mapped[At]
    successes: Mapped[int] = mapped_column(default=0)
    healed_at: Mapped[AtOrNone]


class IncidentRelease(Base):
    """An organization whose admin has decided that its members are told all the same."""

    __tablename__ = "incident_releases"

    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    released_at: Mapped[At]
    released_by: Mapped[str] = mapped_column(String(80))  # as the audit log names them


class ProviderPace(Base):
    """How fast a provider may be asked: not at all before `rests_until`, and by its file not before `next_slot_at`."""

    __tablename__ = "provider_paces"

    provider_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    rests_until: Mapped[AtOrNone]
    next_slot_at: Mapped[AtOrNone]
