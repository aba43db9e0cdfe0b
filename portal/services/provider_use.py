"""Which organizations use a provider, and how: added up from the day buckets, as the dashboard's counts are.

A bucket counts whole days. The two days that a status boundary runs through, today and the last day of the reminder
window, are counted again by the index up to the very moment.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, time
from uuid import UUID

from sqlalchemy import case, func, select

from portal.db import db, reading
from portal.models import Connection, DayBucket
from portal.rules.status import HOLDING, ConnectionState, Status
from portal.services import policy
from portal.services.asker import Asker


@reading
def organizations_using(provider_id: str) -> tuple[UUID, ...]:
    """The organizations with a connection that holds a login there."""
    using = select(DayBucket.organization_id).where(DayBucket.provider_id == provider_id)
    holding = using.where(DayBucket.state.in_(HOLDING), DayBucket.connections > 0).distinct()
    return tuple(db.session.scalars(holding.order_by(DayBucket.organization_id)))


@reading
def counts_of(asker: Asker, *, now: datetime) -> Mapping[str, Mapping[Status, int]]:
    """How many of the organization's connections have which status, by provider; what there is none of is left out."""
    window_ends = now + policy.of_asker(asker).policy.lead
    today, last_day = now.date(), window_ends.date()
    whole = case((DayBucket.day < today, "before"), (DayBucket.day < last_day, "within"), else_="after")
    own = select(DayBucket.provider_id, DayBucket.state, whole, func.sum(DayBucket.connections))
    own = own.where(DayBucket.organization_id == asker.organization_id)
    counts: dict[str, Counter[Status]] = {}
    rows = db.session.execute(own.group_by(DayBucket.provider_id, DayBucket.state, whole)).all()
    ended_today, ending_last = _on_the_day_of(asker, now), _on_the_day_of(asker, window_ends)
    for provider_id, state, part, number in rows:
        status = _STATUS_OF[part] if state is ConnectionState.ACTIVE else Status(state.value)
        counts.setdefault(provider_id, Counter())[status] += int(number)
    for provider_id, counted in counts.items():
        _move(counted, Status.ENDING, Status.ENDED, ended_today[provider_id])
        _move(counted, Status.ACTIVE, Status.ENDING, ending_last[provider_id])
    return {provider_id: {one: n for one, n in counted.items() if n} for provider_id, counted in counts.items()}


_STATUS_OF = {"before": Status.ENDED, "within": Status.ENDING, "after": Status.ACTIVE}


def _move(counted: Counter[Status], source: Status, target: Status, number: int) -> None:
    counted[source] -= number
    counted[target] += number


def _on_the_day_of(asker: Asker, moment: datetime) -> Counter[str]:
    """How many active connections of each provider end on the day of this moment, and not after it."""
    begins = datetime.combine(moment.date(), time(), UTC)
    ending = select(Connection.provider_id, func.count()).where(
        Connection.organization_id == asker.organization_id,
        Connection.state == ConnectionState.ACTIVE,
        Connection.consent_expires_at >= begins,
        Connection.consent_expires_at <= moment,
    )
    return Counter({row[0]: row[1] for row in db.session.execute(ending.group_by(Connection.provider_id))})
