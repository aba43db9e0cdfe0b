"""Announcements: a consent's end told to the log once when it comes near, and once when it has passed.

Status follows from the clock, so nothing is written when it changes; backends still want to hear of it. What was
announced is noted on the connection together with the end it was about: a renewal has another end, whoever renewed it
and however, and is announceable again without anybody having to say so. Two small partial indexes hold what is still
to be told, so that looking costs the same however many connections there are.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnExpressionArgument, Row, select, update

from portal.db import db, transaction
from portal.models import Connection, Organization
from portal.models.connection import END_AHEAD, END_UNANNOUNCED
from portal.quick import QuickSelect
from portal.rules.moments import in_iso
from portal.rules.status import Announced, EndStage, announcement
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind

AT_ONCE = 1_000  # ends a transaction: renewals of the same connections wait no longer than that takes
MOST_STEPS = 50  # then others are let to the worker; the next tick goes on
KINDS = {EndStage.ENDING: EventKind.CONNECTION_ENDING, EndStage.ENDED: EventKind.CONNECTION_ENDED}

_soonest = select(Connection.consent_expires_at).order_by(Connection.consent_expires_at).limit(1)
_unannounced = _soonest.where(Connection.organization_id == Organization.id, END_UNANNOUNCED).scalar_subquery()
_SOONEST = QuickSelect(select(Organization.id, Organization.reminder_lead_days, _unannounced))
_SOONEST_AHEAD = QuickSelect(_soonest.where(END_AHEAD))


def announce(*, now: datetime, at_once: int = AT_ONCE) -> int:
    """Tell the log of every consent's end that is near or has passed and was not told yet; returns how many.

    An end first seen after it has passed is announced as passed alone.
    """
    near = sum(_all(partial(_announce_near, *one, now=now), at_once) for one in _organizations_due(now))
    passed = _all(partial(_announce_passed, now=now), at_once) if _has_any_passed(now) else 0
    return near + passed


def _all(announce_some: Callable[[int], int], at_once: int) -> int:
    """Transaction by transaction until fewer than a full one are left; what others are at is theirs."""
    total = 0
    for _ in range(MOST_STEPS):
        announced = announce_some(at_once)
        total += announced
        if announced < at_once:
            break
    return total


def _organizations_due(now: datetime) -> Sequence[tuple[UUID, datetime]]:
    """The organizations with something to announce, and the end of their reminder window."""
    windows = ((one, now + timedelta(days=lead), soonest) for one, lead, soonest in _SOONEST.all(db.engine, {}))
    return [(one, until) for one, until, soonest in windows if soonest is not None and soonest <= until]


def _has_any_passed(now: datetime) -> bool:
    (soonest,) = _SOONEST_AHEAD.first(db.engine, {}) or (None,)
    return soonest is not None and soonest <= now


@transaction
def _announce_near(organization_id: UUID, until: datetime, at_once: int, *, now: datetime) -> int:
    due = (END_UNANNOUNCED, Connection.organization_id == organization_id, Connection.consent_expires_at <= until)
    return _claim_and_tell(due, at_once, now=now)


@transaction
def _announce_passed(at_once: int, *, now: datetime) -> int:
    return _claim_and_tell((END_AHEAD, Connection.consent_expires_at <= now), at_once, now=now)


def _claim_and_tell(due: Sequence[ColumnExpressionArgument[bool]], at_once: int, *, now: datetime) -> int:
    """The rows are locked past those that somebody else is announcing or renewing: the next turn looks at these."""
    columns = (Connection.id, Connection.organization_id, Connection.member_id, Connection.consent_expires_at)
    soonest = select(*columns, Connection.announced, Connection.announced_end_at).where(*due)
    soonest = soonest.order_by(Connection.consent_expires_at).limit(at_once).with_for_update(skip_locked=True)
    rows = db.session.execute(soonest).all()
    news = [(row, announcement(row.consent_expires_at, _last(row), now=now)) for row in rows]
    for stage in EndStage:
        _note([row.id for row, new in news if (new or row.announced) is stage], stage)
    _tell([(row, new) for row, new in news if new], now)
    return len(rows)


def _last(row: Row[*tuple[Any, ...]]) -> Announced | None:
    return Announced(row.announced, row.announced_end_at) if row.announced and row.announced_end_at else None


def _note(ids: Sequence[UUID], stage: EndStage) -> None:
    noted = update(Connection).where(Connection.id.in_(ids))
    noted = noted.values(announced=stage, announced_end_at=Connection.consent_expires_at)
    if ids:
        db.session.execute(noted.execution_options(synchronize_session=False))


def _tell(news: Sequence[tuple[Row[*tuple[Any, ...]], EndStage]], now: datetime) -> None:
    ordered = sorted(news, key=lambda new: (new[0].organization_id, new[1], new[0].consent_expires_at))
    for (organization_id, stage), group in groupby(ordered, key=lambda new: (new[0].organization_id, new[1])):
        told = [(row.member_id, row.id, {"consent_expires_at": in_iso(row.consent_expires_at)}) for row, _ in group]
        audit.record_many(Asker.portal(organization_id), KINDS[stage], told, now=now)
