"""What hinders refreshing at each provider now: an open incident, or a rest it has asked for.

Looked up once every few seconds in each process, for all providers at once: a refresh that goes well costs no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, bindparam, select

from portal.db import db
from portal.models import Incident, IncidentRelease, ProviderPace
from portal.models.incident import STILL_OPEN
from portal.quick import QuickSelect, Reader
from portal.rules.verdicts import Fault

BELIEVED_FOR = timedelta(seconds=3)

_INCIDENTS = QuickSelect(
    select(Incident.provider_id, Incident.id, Incident.fault, IncidentRelease.organization_id)
    .outerjoin(IncidentRelease, IncidentRelease.incident_id == Incident.id)
    .where(STILL_OPEN)
)
_RESTS = QuickSelect(
    select(ProviderPace.provider_id, ProviderPace.rests_until).where(ProviderPace.rests_until > bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that goes on, and the organizations whose admins have released their members' e-mails."""

    id: UUID
    fault: Fault
    released: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Watched:
    """One provider's hindrances, if it has any."""

    incident: OpenIncident | None = None
    rests_until: datetime | None = None

    def is_resting(self, now: datetime) -> bool:
        """Whether it has asked not to be asked."""
        return self.rests_until is not None and now < self.rests_until


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the database found."""

    at: datetime
    found: Mapping[str, Watched] = field(default_factory=dict)


_FREE = Watched()
_looks: WeakKeyDictionary[Engine, _Look] = WeakKeyDictionary()


def of(provider_id: str, now: datetime) -> Watched:
    """What hinders refreshing at the provider, as it was at most three seconds ago."""
    look = _looks.get(db.engine)
    if look is None or abs(now - look.at) >= BELIEVED_FOR:
        look = _looks[db.engine] = _look(now)
    return look.found.get(provider_id, _FREE)


def forget() -> None:
    """Look again at the next question: this process has just changed something itself."""
    _looks.pop(db.engine, None)


def _look(now: datetime) -> _Look:
    with Reader(db.engine) as reader:
        incidents = reader.all(_INCIDENTS, {})
        rests = reader.all(_RESTS, {"now": now})
    found: dict[str, Watched] = {}
    for provider_id, incident_id, fault, organization_id in incidents:
        known = found.get(provider_id, _FREE).incident or OpenIncident(incident_id, fault)
        released = known.released | ({organization_id} if organization_id else set())
        found[provider_id] = Watched(replace(known, released=released))
    for provider_id, until in rests:
        found[provider_id] = replace(found.get(provider_id, _FREE), rests_until=until)
    return _Look(now, found)
