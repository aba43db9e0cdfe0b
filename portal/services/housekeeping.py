"""Housekeeping: what nobody needs any more is forgotten, a little at a time, so that nobody has to wait for it.

The audit log keeps what was done with all of it. How long what is kept, and why, is told in `docs/operations.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from time import sleep
from typing import Any, cast

from sqlalchemy import ColumnElement, Date, Select, delete, exists, func, inspect, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from portal.db import Base, db, transaction
from portal.models import (
    BrowserSession,
    ConsentAttempt,
    DayBucket,
    Email,
    LoginLink,
    OneTimeView,
    PendingGrant,
    SignInRequest,
    WebhookDelivery,
)

KEEP_DOOR_TRACES = timedelta(days=1)  # what strangers typed at the door; and a late answer is told what it is
KEEP_DECISIONS = timedelta(days=30)  # for whoever asks what was decided, and what else the review had shown
KEEP_SESSIONS = timedelta(days=30)  # the longest lives 7 days: this is for looking into what was odd
KEEP_DELIVERIES = timedelta(days=30)  # a dead letter can be looked at and sent again as long
KEEP_EMPTY_DAYS = timedelta(days=30)
KEEP_MAIL = timedelta(days=90)  # somebody opening an old e-mail is still told what became of its link
AT_ONCE = 1_000
BATCHES_A_TURN = 3
PAUSE_S = 0.1  # SQLite lets whoever waits to write look again at least that often

Old = Callable[[datetime, int], Select[*tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a turn did, and whether there may be more to do."""

    rows: int
    is_more: bool


def forget_old(*, now: datetime, at_once: int = AT_ONCE) -> Forgotten:
    """Delete a few batches of what was kept for its term, `at_once` rows in each transaction."""
    turns = [_forget_some(model, old, now=now, at_once=at_once) for model, old in TERMS]
    return Forgotten(sum(turn.rows for turn in turns), any(turn.is_more for turn in turns))


def _forget_some(model: type[Base], old: Old, *, now: datetime, at_once: int) -> Forgotten:
    rows = 0
    for _ in range(BATCHES_A_TURN):
        found = _forget_batch(model, old(now, at_once))
        if not found:
            return Forgotten(rows, is_more=False)
        rows += found
        sleep(PAUSE_S)
    return Forgotten(rows, is_more=True)


@transaction
def _forget_batch(model: type[Base], old: Select[*tuple[Any, ...]]) -> int:
    """Two that forget at once take different rows instead of waiting for each other."""
    keys = db.session.execute(old.with_for_update(of=model, skip_locked=True)).all()
    if keys:
        these = tuple_(*_key(model)).in_([tuple(key) for key in keys])
        db.session.execute(delete(model).where(these).execution_options(synchronize_session=False))
    return len(keys)


def _after(since: InstrumentedAttribute[Any], kept: timedelta, *conditions: ColumnElement[bool]) -> Old:
    """The rows whose time is up `kept` after this column's moment, unless something else still names them."""
    model = cast(type[Base], since.class_)

    def old(now: datetime, at_once: int) -> Select[*tuple[Any, ...]]:
        over = select(*_key(model)).where(since < _as(since, now - kept), *conditions, *_unnamed(model))
        return over.order_by(since).limit(at_once)

    return old


def _settled_emails(now: datetime, at_once: int) -> Select[*tuple[Any, ...]]:
    """Found by walking up from the first, for nothing else needs an index of them.

    The newest one stays: SQLite would give its number again, and with it the Message-ID that is made of it.
    """
    first = select(Email.id).order_by(Email.id).limit(at_once).subquery()
    newest = select(func.max(Email.id)).scalar_subquery()
    old = select(Email.id).where(Email.id.in_(select(first.c.id)), Email.id < newest)
    return old.where(Email.settled_at < now - KEEP_MAIL).order_by(Email.id)


def _key(model: type[Base]) -> tuple[Any, ...]:
    return tuple(inspect(model).primary_key)


def _as(column: InstrumentedAttribute[Any], moment: datetime) -> date:
    return moment.date() if isinstance(column.type, Date) else moment


def _unnamed(model: type[Base]) -> list[ColumnElement[bool]]:
    """That no row refers to one of the model's, for each foreign key that would forbid deleting it."""
    keys = [key for table in model.metadata.tables.values() for key in table.foreign_keys if not key.ondelete]
    return [~exists().where(key.parent == key.column) for key in keys if key.column.table is model.__table__]


TERMS: tuple[tuple[type[Base], Old], ...] = (
    (OneTimeView, _after(OneTimeView.expires_at, timedelta(0))),
    (SignInRequest, _after(SignInRequest.answered_at, KEEP_DOOR_TRACES)),
    (ConsentAttempt, _after(ConsentAttempt.expires_at, KEEP_DOOR_TRACES)),
    (
        PendingGrant,
        _after(PendingGrant.settled_at, KEEP_DECISIONS, PendingGrant.is_revocation_outstanding.is_(False)),
    ),
    (BrowserSession, _after(BrowserSession.last_seen_at, KEEP_SESSIONS)),
    (LoginLink, _after(LoginLink.expires_at, KEEP_MAIL)),
    (Email, _settled_emails),
    (WebhookDelivery, _after(WebhookDelivery.settled_at, KEEP_DELIVERIES)),
    (DayBucket, _after(DayBucket.day, KEEP_EMPTY_DAYS, DayBucket.connections == 0)),
)
"""What is kept for how long; what names sessions comes before them."""
