"""Who uses what: each key's uses of each connection, counted in memory and written down in batches.

Races: several processes write at once. Every batch touches its rows in one order (key, then connection; the keys' own
rows last), so that no two wait for each other, and adds to what stands there in one statement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, func, or_, select, update

from portal.db import db, insert_into, reading, repeatable_transaction
from portal.extensions import in_own_context, parts
from portal.models import ApiKey, KeyUse
from portal.rules import api_keys as rules
from portal.rules.api_keys import KeyState, LatelyUsed
from portal.services.asker import Asker
from portal.use_counts import Count, Counts

ROWS_A_STATEMENT = 500  # with nine values each, far from what either database takes at most

LAST_USED = (
    update(ApiKey)
    .where(ApiKey.id == bindparam("key_id"), or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < bindparam("at")))
    .values(last_used_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Backend:
    """A backend that can fetch a connection's token, by its keys' name; without `last_used_at` it never has.

    `is_using`: it has lately, so that it is what stops when the connection ends.
    """

    name: str
    uses: int = 0
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    lately: LatelyUsed = field(default_factory=LatelyUsed)
    is_using: bool = False


def note(key_id: UUID, connection_id: UUID | None, organization_id: UUID, now: datetime) -> None:
    """Count that a key was handed a connection's token (None: it asked for anything else). Nothing is written here."""
    counts = parts().use_counts
    if counts.note((key_id, connection_id), organization_id, now):
        counts.start(in_own_context(write_down))


@repeatable_transaction
def write_down(counts: Counts) -> None:
    """Add a batch of counts to what is known: to each connection's uses by each key, and to the keys' last use."""
    rows = [_row(key_id, connection_id, count) for (key_id, connection_id), count in counts.items() if connection_id]
    rows.sort(key=lambda row: (row["api_key_id"], row["connection_id"]))
    for start in range(0, len(rows), ROWS_A_STATEMENT):
        _add(rows[start : start + ROWS_A_STATEMENT])
    last_used: dict[UUID, datetime] = {}
    for (key_id, _), count in counts.items():
        last_used[key_id] = max(count.last_at, last_used.get(key_id, count.last_at))
    moves = [{"key_id": key_id, "at": last_used[key_id]} for key_id in sorted(last_used)]
    db.session.connection().execute(LAST_USED, moves)


@reading
def backends(asker: Asker, connection_id: UUID, provider_id: str, *, now: datetime) -> tuple[Backend, ...]:
    """Who can fetch this connection's token now, the most recently used first.

    A backend is known by its keys' name: what a replaced key has done is its successor's past.
    """
    own = select(ApiKey).where(ApiKey.organization_id == asker.organization_id)
    keys = db.session.scalars(own.order_by(ApiKey.name)).all()
    able = {key.name: Backend(key.name) for key in keys if _is_able(key, provider_id, now)}
    uses = _uses_of(asker, connection_id)
    for key in keys:
        if key.name in able and key.id in uses:
            able[key.name] = _with(able[key.name], uses[key.id], now)
    return tuple(sorted(able.values(), key=_recency, reverse=True))


@reading
def connections_used(asker: Asker) -> Mapping[UUID, int]:
    """How many connections each of the organization's keys has fetched a token of; keys that used none are left out."""
    keys = select(ApiKey.id).where(ApiKey.organization_id == asker.organization_id)
    counted = select(KeyUse.api_key_id, func.count().label("connections")).group_by(KeyUse.api_key_id)
    return {row.api_key_id: row.connections for row in db.session.execute(counted.where(KeyUse.api_key_id.in_(keys)))}


def _row(key_id: UUID, connection_id: UUID, count: Count) -> dict[str, Any]:
    return {
        "api_key_id": key_id,
        "connection_id": connection_id,
        "organization_id": count.organization_id,
        "uses": count.uses,
        "first_used_at": count.first_at,
        "last_used_at": count.last_at,
        "week": rules.week_of(count.last_at),
        "week_uses": count.uses,
        "earlier_uses": 0,
    }


def _add(rows: Sequence[Mapping[str, Any]]) -> None:
    statement = insert_into(KeyUse).values(rows)
    new, is_later = statement.excluded, statement.excluded.last_used_at > KeyUse.last_used_at
    same_week = new.week == KeyUse.week
    week_after, weeks_after = new.week == KeyUse.week + 1, new.week > KeyUse.week
    changes = {
        "uses": KeyUse.uses + new.uses,
        "last_used_at": case((is_later, new.last_used_at), else_=KeyUse.last_used_at),
        "week": case((weeks_after, new.week), else_=KeyUse.week),
        "week_uses": case(
            (same_week, KeyUse.week_uses + new.week_uses), (weeks_after, new.week_uses), else_=KeyUse.week_uses
        ),
        "earlier_uses": case((week_after, KeyUse.week_uses), (weeks_after, 0), else_=KeyUse.earlier_uses),
    }
    keys = ["api_key_id", "connection_id"]
    db.session.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


def _is_able(key: ApiKey, provider_id: str, now: datetime) -> bool:
    limit = rules.providers_of(key.providers)
    state = rules.state_of(revoked_at=key.revoked_at, expires_at=key.expires_at, now=now)
    return state in (KeyState.WORKS, KeyState.ENDS_SOON) and (limit is None or provider_id in limit)


def _uses_of(asker: Asker, connection_id: UUID) -> dict[UUID, KeyUse]:
    of_it = select(KeyUse).where(KeyUse.connection_id == connection_id)
    found = db.session.scalars(of_it.where(KeyUse.organization_id == asker.organization_id))
    return {use.api_key_id: use for use in found}


def _with(backend: Backend, use: KeyUse, now: datetime) -> Backend:
    last_used_at = max(use.last_used_at, backend.last_used_at or use.last_used_at)
    return Backend(
        name=backend.name,
        uses=backend.uses + use.uses,
        first_used_at=min(use.first_used_at, backend.first_used_at or use.first_used_at),
        last_used_at=last_used_at,
        is_using=rules.is_using(last_used_at, now=now),
        lately=backend.lately + rules.lately_used(use.week, use.week_uses, use.earlier_uses, now=now),
    )


def _recency(backend: Backend) -> float:
    return backend.last_used_at.timestamp() if backend.last_used_at else 0.0
