"""How many connections are in which status, and what ends when: added up from the day buckets, exact to the second.

A bucket counts whole days. The two days that a status boundary runs through, today and the last day of the reminder
window, are counted again by the index up to the very moment.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import bindparam, func, select

from portal.db import db
from portal.models import Connection, DayBucket
from portal.quick import QuickSelect
from portal.rules.status import ConnectionState, Status
from portal.services import policy
from portal.services.asker import Asker

WEEKS = 14

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
_UP_TO = QuickSelect(
    select(func.count()).where(
        Connection.organization_id == bindparam("organization_id"),
        Connection.state == ConnectionState.ACTIVE,
        Connection.consent_expires_at >= bindparam("begins"),
        Connection.consent_expires_at <= bindparam("moment"),
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
    window_ends = now + policy.lead_of(asker)
    mondays = _mondays(now.date())
    by_day = _by_day(asker, now.date(), max(mondays[-1] + timedelta(weeks=1), window_ends.date()))
    counts = _counts(asker, by_day, now=now, window_ends=window_ends)
    return Overview(counts, _weeks(by_day, mondays))


def _counts(asker: Asker, by_day: Mapping[date, int], *, now: datetime, window_ends: datetime) -> dict[Status, int]:
    own = {"organization_id": asker.organization_id}
    counts = dict.fromkeys(Status, 0) | {Status(state.value): n for state, n in _BY_STATE.all(db.engine, own)}
    before = (_BEFORE.first(db.engine, own | {"today": now.date()}) or (0,))[0] or 0
    ended = before + _exactly(asker, now)
    whole_days = sum(count for day, count in by_day.items() if day < window_ends.date())
    ended_or_ending = before + whole_days + _exactly(asker, window_ends)
    return counts | {
        Status.ENDED: ended,
        Status.ENDING: ended_or_ending - ended,
        Status.ACTIVE: counts[Status.ACTIVE] - ended_or_ending,
    }


def _exactly(asker: Asker, moment: datetime) -> int:
    """How many active connections end on the day of this moment, and not after it."""
    begins = datetime.combine(moment.date(), time(), UTC)
    row = _UP_TO.first(db.engine, {"organization_id": asker.organization_id, "begins": begins, "moment": moment})
    return int(row[0]) if row else 0


def _by_day(asker: Asker, today: date, until: date) -> Mapping[date, int]:
    span = {"organization_id": asker.organization_id, "today": today, "until": until}
    return dict(_BY_DAY.all(db.engine, span))


def _mondays(today: date) -> tuple[date, ...]:
    first = today - timedelta(days=today.weekday())
    return tuple(first + timedelta(weeks=number) for number in range(WEEKS))


def _weeks(by_day: Mapping[date, int], mondays: tuple[date, ...]) -> tuple[Week, ...]:
    totals: Counter[date] = Counter()
    for day, count in by_day.items():
        totals[day - timedelta(days=day.weekday())] += count
    return tuple(Week(monday, totals[monday]) for monday in mondays)
