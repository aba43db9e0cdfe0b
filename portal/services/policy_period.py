"""The organization's own period, applied to consents given already: the ends that no provider states move with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select

from portal.db import NEVER, db, transaction
from portal.extensions import catalog
from portal.models import Connection
from portal.rules.status import ConnectionState
from portal.services import reminders
from portal.services.asker import Asker

AT_ONCE = 2_000
SOURCE = "policy"


@transaction
def apply(asker: Asker, period_days: int | None, *, now: datetime) -> int:
    """Give every active connection whose end no provider states the end of this period; returns how many moved.

    None takes such ends away. Whose end has come nearer than the first reminder is reminded at once.
    """
    moved, last = 0, None
    while batch := _next(asker, after=last):
        _move_ends(batch, period_days)
        reminders.plan_many(batch, now=now, is_fresh=False)
        moved, last = moved + len(batch), batch[-1].id
        db.session.expunge_all()
    return moved


def _next(asker: Asker, *, after: UUID | None) -> Sequence[Connection]:
    unstated = Connection.consent_end_source.is_(None) & (Connection.consent_expires_at == NEVER)
    wanted = select(Connection).where(
        Connection.organization_id == asker.organization_id,
        Connection.state == ConnectionState.ACTIVE,
        Connection.provider_id.not_in([one.id for one in catalog().all if one.kind.is_service]),
        or_(Connection.consent_end_source == SOURCE, unstated),
    )
    if after is not None:
        wanted = wanted.where(Connection.id > after)
    return db.session.scalars(wanted.order_by(Connection.id).limit(AT_ONCE).with_for_update(key_share=True)).all()


def _move_ends(batch: Sequence[Connection], period_days: int | None) -> None:
    """The listener that keeps the day buckets sees each row that changes."""
    for connection in batch:
        since = connection.consented_at or connection.connected_at or connection.created_at
        connection.consent_expires_at = since + timedelta(days=period_days) if period_days else None
        connection.consent_end_source = SOURCE if period_days else None
