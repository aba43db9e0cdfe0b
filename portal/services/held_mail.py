"""E-mails that wait: nobody is told that a connection needs a new consent while its provider is in an open incident."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, select

from portal.db import db
from portal.models import Connection, Incident, IncidentRelease, Reminder
from portal.models.incident import STILL_OPEN
from portal.rules.status import ConnectionState


def is_anything_held() -> bool:
    """Whether there is an open incident at all, in the transaction around us: nearly always there is none."""
    return db.session.scalar(select(Incident.id).where(STILL_OPEN).limit(1)) is not None


def not_held() -> ColumnElement[bool]:
    """The condition on a reminder's row that its connection may be spoken of."""
    return ~_held().where(Connection.id == Reminder.connection_id).correlate(Reminder).exists()


def held_of(connection_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of the connections that must not be spoken of, in the transaction around us."""
    if not connection_ids or not is_anything_held():
        return frozenset()
    return frozenset(db.session.scalars(_held().where(Connection.id.in_(connection_ids))))


def _held() -> Select[UUID]:
    released = exists().where(
        and_(
            IncidentRelease.incident_id == Incident.id,
            IncidentRelease.organization_id == Connection.organization_id,
        )
    )
    needing = select(Connection.id).join(Incident, Incident.provider_id == Connection.provider_id)
    return needing.where(Connection.state == ConnectionState.NEEDS_RECONSENT, STILL_OPEN, ~released)
