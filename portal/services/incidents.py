"""Incidents as an organization's admins see them: what is going on at their providers, and whom it keeps uninformed.

An incident is one provider's for the whole portal, since the app there is the operator's. Each organization sees its
own counts only, and releases the e-mails of its own members only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, and_, select

from portal.db import after_commit, db, insert_into, reading, transaction
from portal.models import Incident, IncidentRelease
from portal.models.incident import STILL_OPEN
from portal.rules import incidents as rules
from portal.rules.problems import NotFound
from portal.rules.verdicts import Fault
from portal.services import audit, incident_brake, offers, provider_watch
from portal.services.asker import Asker
from portal.services.audit import EventKind

LATEST = 20


@dataclass(frozen=True, slots=True)
class OwnIncident:
    """One provider's trouble, as it concerns the asker's organization: how many connections hold a login there.

    `is_holding_mail`: e-mails to members whose connections there need a new consent wait for its end, or for `release`.
    """

    id: UUID
    provider_id: str
    fault: Fault
    reason: str
    began_at: datetime
    own_connections: int
    is_holding_mail: bool
    healed_at: datetime | None


@reading
def open_ones(asker: Asker) -> tuple[OwnIncident, ...]:
    """What goes on now at providers where the organization has connections, oldest first."""
    return _own(asker, _seen_by(asker).where(STILL_OPEN).order_by(Incident.began_at))


@reading
def latest(asker: Asker) -> tuple[OwnIncident, ...]:
    """The latest incidents, those that are over included, newest first."""
    return _own(asker, _seen_by(asker).order_by(Incident.began_at.desc()).limit(LATEST))


@transaction
def release(asker: Asker, incident_id: UUID, *, now: datetime) -> None:
    """Believe the refusals: the organization's refused connections are condemned when refused again, members are told.

    Raises NotFound for an incident that is over or concerns none of the organization's connections. Releasing twice
    changes nothing.
    """
    incident = next((one for one in open_ones(asker) if one.id == incident_id), None)
    if incident is None:
        raise NotFound
    releasing = insert_into(IncidentRelease).values(
        incident_id=incident_id, organization_id=asker.organization_id, released_at=now, released_by=asker.actor
    )
    if db.session.scalar(releasing.on_conflict_do_nothing().returning(IncidentRelease.incident_id)) is None:
        return
    after_commit(provider_watch.forget)
    name = offers.named(incident.provider_id).name
    audit.record(asker, EventKind.INCIDENT_RELEASED, now=now, provider=name)
    if not rules.breaks_the_circuit(incident.fault):
        incident_brake.bring_back(incident.provider_id, asker.organization_id, now=now)


def _seen_by(asker: Asker) -> Select[Incident, datetime | None]:
    own = and_(IncidentRelease.incident_id == Incident.id, IncidentRelease.organization_id == asker.organization_id)
    return select(Incident, IncidentRelease.released_at).outerjoin(IncidentRelease, own)


def _own(asker: Asker, query: Select[Incident, datetime | None]) -> tuple[OwnIncident, ...]:
    rows: Sequence[tuple[Incident, datetime | None]] = [(row[0], row[1]) for row in db.session.execute(query)]
    counted = [
        (one, released_at, incident_brake.own_connections(asker.organization_id, one.provider_id))
        for one, released_at in rows
    ]
    return tuple(
        OwnIncident(
            one.id,
            one.provider_id,
            one.fault,
            one.reason,
            one.began_at,
            own_connections,
            one.healed_at is None and released_at is None,
            one.healed_at,
        )
        for one, released_at, own_connections in counted
        if own_connections
    )
