"""Connections that fail one by one, too few for an incident: their admins hear of them, and their pages say so."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, exists, or_, select

from portal.db import db, reading, transaction
from portal.models import Connection, Grant, Incident
from portal.rules import failing as rules
from portal.rules.incidents import REOPENS_WITHIN
from portal.rules.status import ConnectionState
from portal.services import alerts, offers
from portal.services.asker import Asker

AT_ONCE = 5_000
PLACE = "/admin/connections"
COLUMNS = (
    Connection.id,
    Connection.organization_id,
    Connection.provider_id,
    Connection.nickname,
    Grant.failing_since,
    Grant.last_fault,
    Grant.last_fault_at,
    Grant.access_expires_at,
)


@dataclass(frozen=True, slots=True)
class Failing:
    """A connection whose refreshes fail: since when, what happens at each, and what an admin can do about it.

    `is_over`: the access token has ended, so that no backend gets one.
    """

    since: datetime
    reason: str
    advice: str
    access_ends_at: datetime | None
    is_over: bool


@reading
def of(asker: Asker, connection_id: UUID, *, now: datetime) -> Failing | None:
    """How one of the organization's connections fails; None where it does not, or not long enough to speak of it."""
    own = (Connection.id == connection_id, Connection.organization_id == asker.organization_id)
    row = db.session.execute(_failing(now).where(*own)).first()
    if row is None or not rules.is_shown(row.failing_since, row.access_expires_at, now=now):
        return None
    provider, ends_at = offers.named(row.provider_id), row.access_expires_at
    return Failing(
        since=row.failing_since,
        reason=rules.reason(row.last_fault or "", provider.name),
        advice=rules.advice(row.last_fault or "", provider.name, is_service=provider.is_service),
        access_ends_at=ends_at,
        is_over=ends_at is not None and ends_at <= now,
    )


@transaction
def tell(*, now: datetime) -> int:
    """Tell the admins of what has failed for a day, each connection once until it works again; returns of how many.

    An incident is told as such, and so nobody is told of what it is about, nor of those that it has just let go.
    """
    alike = defaultdict(list)
    for row in _failing_for_long(now):
        alike[row.organization_id, row.provider_id, row.last_fault or ""].append(row)
    return sum(_tell(rows, now) for rows in alike.values())


def _failing(now: datetime) -> Select[*tuple[Any, ...]]:
    """Those whose consent still lasts: what has ended as announced is told otherwise."""
    found = select(*COLUMNS).join(Grant, Grant.connection_id == Connection.id)
    is_alive = (Connection.state == ConnectionState.ACTIVE) & (Connection.consent_expires_at > now)
    return found.where(Grant.failing_since.is_not(None), is_alive)


def _failing_for_long(now: datetime) -> Iterable[Row[*tuple[Any, ...]]]:
    is_lately = or_(Incident.healed_at.is_(None), Incident.healed_at > now - REOPENS_WITHIN)
    is_in_incident = exists().where(Incident.provider_id == Connection.provider_id, is_lately)
    found = _failing(now).where(Grant.failing_since <= now - rules.TOLD_AFTER, ~is_in_incident)
    rows = db.session.execute(found.order_by(Grant.failing_since).limit(AT_ONCE))
    return (row for row in rows if rules.is_told(row.failing_since, row.last_fault_at))


def _tell(rows: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> int:
    """One e-mail about all that fail alike at a provider."""
    keys = {f"failing:{row.id}:{row.failing_since:%Y-%m-%dT%H:%M:%S}": row for row in rows}
    untold = alerts.note(keys, rows[0].organization_id, now=now)
    new = [row for key, row in keys.items() if key in untold]
    if new:
        provider, fault = offers.named(new[0].provider_id), new[0].last_fault or ""
        names = [row.nickname for row in new]
        words = rules.alert_words(names, fault, provider.name, is_service=provider.is_service)
        place = f"{PLACE}/{new[0].id}" if len(new) == 1 else f"{PLACE}?provider={provider.id}"
        alerts.tell(new[0].organization_id, words, place=place, now=now)
    return len(new)
