"""How many connections are in which status, and what ends when: added up from the day buckets, exact to the second.

A bucket counts whole days. The two days that a status boundary runs through, today and the last day of the reminder
window, are counted again by the index up to the very moment.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import case, func, select

from portal.db import db, reading
from portal.models import Connection, DayBucket, Organization
from portal.rules.status import ConnectionState, Status
from portal.services.asker import Asker

WEEKS = 14


@dataclass(frozen=True, slots=True)
class Week:
    """How many consents end in the seven days from `starts_on` (a Monday; UTC days)."""

    starts_on: date
    count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The counts by status and the coming ends by week, this week first."""

    counts: Mapping[Status, int]
    weeks: tuple[Week, ...]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@reading
def of_organization(asker: Asker, *, now: datetime, provider_id: str | None = None) -> Overview:
    """The organization's connections at a glance, all of them or one provider's."""
    lead = _lead(asker)
    counts = _counts(asker, provider_id, now=now, until=now + lead)
    return Overview(counts, _weeks(asker, provider_id, now))


def _lead(asker: Asker) -> timedelta:
    days = select(Organization.reminder_lead_days).where(Organization.id == asker.organization_id)
    return timedelta(days=db.session.scalar(days) or 0)


def _counts(asker: Asker, provider_id: str | None, *, now: datetime, until: datetime) -> dict[Status, int]:
    today, last = now.date(), until.date()
    span = case((DayBucket.day < today, 0), (DayBucket.day == today, 1), (DayBucket.day < last, 2), else_=3)
    span = case((DayBucket.day == last, 4), else_=span)
    sums = select(DayBucket.state, span.label("span"), func.sum(DayBucket.connections)).group_by("state", "span")
    found: defaultdict[ConnectionState, Counter[int]] = defaultdict(Counter)
    for state, part, number in db.session.execute(_own_buckets(sums, asker, provider_id)):
        found[state][part] = number
    counts = {Status(state.value): sum(found[state].values()) for state in ConnectionState}
    active = found[ConnectionState.ACTIVE]
    ended_today = _exactly(asker, provider_id, today, now) if active[1] else 0
    ending_last = _exactly(asker, provider_id, last, until) if active[4] else 0
    return counts | {
        Status.ENDED: active[0] + ended_today,
        Status.ENDING: active[1] - ended_today + active[2] + ending_last,
        Status.ACTIVE: active[4] - ending_last + active[3],
    }


def _own_buckets(query, asker: Asker, provider_id: str | None):  # type: ignore[no-untyped-def]
    query = query.where(DayBucket.organization_id == asker.organization_id)
    return query.where(DayBucket.provider_id == provider_id) if provider_id else query


def _exactly(asker: Asker, provider_id: str | None, day: date, until: datetime) -> int:
    """How many active connections end on `day`, up to the moment `until`."""
    begins = datetime.combine(day, time(), UTC)
    ends_at = Connection.consent_expires_at
    query = select(func.count()).where(
        Connection.organization_id == asker.organization_id,
        Connection.state == ConnectionState.ACTIVE,
        ends_at >= begins,
        ends_at <= until,
    )
    return db.session.scalar(query.where(Connection.provider_id == provider_id) if provider_id else query) or 0


def _weeks(asker: Asker, provider_id: str | None, now: datetime) -> tuple[Week, ...]:
    monday = now.date() - timedelta(days=now.weekday())
    query = select(DayBucket.day, func.sum(DayBucket.connections)).group_by(DayBucket.day)
    query = query.where(
        DayBucket.state == ConnectionState.ACTIVE,
        DayBucket.day >= now.date(),
        DayBucket.day < monday + timedelta(weeks=WEEKS),
    )
    totals: Counter[date] = Counter()
    for day, number in db.session.execute(_own_buckets(query, asker, provider_id)):
        totals[day - timedelta(days=day.weekday())] += number
    mondays = (monday + timedelta(weeks=number) for number in range(WEEKS))
    return tuple(Week(starts_on, totals[starts_on]) for starts_on in mondays)
