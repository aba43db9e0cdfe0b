"""How many connections are in which status, and what ends when: added up from the day buckets, exact to the second.

A bucket counts whole days. The two days that a status boundary runs through, today and the last day of the reminder
window, are counted again by the index: up to the very moment, or from it on where less of the day is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select

from portal import quick
from portal.db import db
from portal.models import Connection, DayBucket
from portal.quick import QuickSelect, Reader, Row
from portal.rules.status import ConnectionState, Status
from portal.services import policy
from portal.services.asker import Asker

WEEKS = 14
NOON = 12

Own = dict[str, Any]

_OWN = DayBucket.organization_id == bindparam("organization_id")
_ACTIVE = DayBucket.state == ConnectionState.ACTIVE
_COUNT = func.sum(DayBucket.connections)
_BY_STATE = QuickSelect(select(DayBucket.state, _COUNT).where(_OWN).group_by(DayBucket.state))
_BEFORE = QuickSelect(select(_COUNT).where(_OWN, _ACTIVE, DayBucket.day < bindparam("today")))
_BY_DAY = QuickSelect(
    select(DayBucket.day, _COUNT)
    .where(_OWN, _ACTIVE, DayBucket.day >= bindparam("today"), DayBucket.day < bindparam("until"))
    .group_by(DayBucket.day)
)
_ENDING = select(func.count()).where(
    Connection.organization_id == bindparam("organization_id"), Connection.state == ConnectionState.ACTIVE
)
_UP_TO = QuickSelect(
    _ENDING.where(
        Connection.consent_expires_at >= bindparam("begins"), Connection.consent_expires_at <= bindparam("moment")
    )
)
_BEYOND = QuickSelect(
    _ENDING.where(
        Connection.consent_expires_at > bindparam("moment"), Connection.consent_expires_at < bindparam("ends")
    )
)


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


def of_organization(asker: Asker, *, now: datetime) -> Overview:
    """The organization's connections at a glance."""
    mondays = _mondays(now.date())
    own = {"organization_id": asker.organization_id}
    with quick.Reader(db.engine) as reader:
        window_ends = now + policy.lead_of(asker, reader)
        until = max(mondays[-1] + timedelta(weeks=1), window_ends.date())
        by_day: dict[date, int] = dict(reader.all(_BY_DAY, own | {"today": now.date(), "until": until}))
        counts = _counts(reader, own, by_day, now=now, window_ends=window_ends)
    return Overview(counts, _weeks(by_day, mondays))


def _counts(
    reader: Reader, own: Own, by_day: Mapping[date, int], *, now: datetime, window_ends: datetime
) -> dict[Status, int]:
    counts = dict.fromkeys(Status, 0) | {Status(state.value): n for state, n in reader.all(_BY_STATE, own)}
    before = (reader.first(_BEFORE, own | {"today": now.date()}) or (0,))[0] or 0
    ended = before + _exactly(reader, own, now, by_day)
    whole_days = sum(count for day, count in by_day.items() if day < window_ends.date())
    ended_or_ending = before + whole_days + _exactly(reader, own, window_ends, by_day)
    return counts | {
        Status.ENDED: ended,
        Status.ENDING: ended_or_ending - ended,
        Status.ACTIVE: counts[Status.ACTIVE] - ended_or_ending,
    }


def _exactly(reader: Reader, own: Own, moment: datetime, by_day: Mapping[date, int]) -> int:
    """How many active connections end on the day of this moment, and not after it; the shorter part is counted."""
    begins = datetime.combine(moment.date(), time(), UTC)
    whole_day = by_day.get(moment.date())
    if moment.hour < NOON or whole_day is None:
        return _number(reader.first(_UP_TO, own | {"begins": begins, "moment": moment}))
    ends = begins + timedelta(days=1)
    return whole_day - _number(reader.first(_BEYOND, own | {"moment": moment, "ends": ends}))


def _number(row: Row | None) -> int:
    return int(row[0]) if row else 0


def _mondays(today: date) -> tuple[date, ...]:
    first = today - timedelta(days=today.weekday())
    return tuple(first + timedelta(weeks=number) for number in range(WEEKS))


def _weeks(by_day: Mapping[date, int], mondays: tuple[date, ...]) -> tuple[Week, ...]:
    counts = [0] * WEEKS
    for day, count in by_day.items():
        week = (day - mondays[0]).days // 7
        if week < WEEKS:
            counts[week] += count
    return tuple(map(Week, mondays, counts))
