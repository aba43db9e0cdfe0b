"""When each connection is next asked about: planned with its grant, claimed a batch a provider, settled by the answer.

An answer names the claim it came from, so that a connection planned anew meanwhile (a reconsent) is not put off by what
was found out about the tokens from before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Update, bindparam, delete, exists, func, select, update

from portal.db import db, insert_into, reading, repeatable_transaction, rows_changed, transaction
from portal.extensions import catalog
from portal.models import Connection, Grant, Probe
from portal.providers.schema import Provider
from portal.providers.words import RefreshMode
from portal.quick import QuickSelect
from portal.rules import freshness
from portal.rules import probes as rules
from portal.rules.probes import ProviderFacts, TokenFacts
from portal.rules.status import ConnectionState
from portal.services.asker import Asker

PLANNED_AT_ONCE = 5_000
_SOONEST = QuickSelect(select(func.min(Probe.due_at)))
_LAST_OK = QuickSelect(
    select(Probe.last_ok_at)
    .join(Connection, Connection.id == Probe.connection_id)
    .where(Connection.id == bindparam("id"), Connection.organization_id == bindparam("organization_id"))
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A probe that is out: whose, in which claim, and how those before it went."""

    connection_id: UUID
    claimed_until: datetime | None
    failures: int
    last_ok_at: datetime | None


def plan(connection_id: UUID, provider: Provider, *, now: datetime) -> None:
    """A grant was accepted in the transaction around us: soon after, its provider is asked whether it is any good."""
    due_at = rules.first_at(now, jitter=freshness.jitter_of(connection_id)) if _facts(provider).can_be_asked else None
    anew = {"due_at": due_at, "claimed_until": None, "failures": 0, "last_ok_at": None}
    planning = insert_into(Probe).values(connection_id=connection_id, provider_id=provider.id, **anew)
    db.session.execute(planning.on_conflict_do_update(index_elements=["connection_id"], set_=anew))


def rows_of_imported(connections: Iterable[tuple[UUID, Provider]], *, now: datetime) -> list[dict[str, Any]]:
    """The rows of `Probe` for many new connections: they are asked about one after the other within the hour."""
    return [_row(key, one.id, _imported_at(key, one, now)) for key, one in connections]


def plan_missing(*, now: datetime) -> int:
    """Plan what nobody has planned: connections from before there were probes. Returns how many those were."""
    planned, found = 0, PLANNED_AT_ONCE
    while found == PLANNED_AT_ONCE:
        found = _plan_some(now)
        planned += found
    return planned


def forget(connection_id: UUID) -> None:
    """Nothing is asked about this connection any more: its tokens are gone in the transaction around us."""
    db.session.execute(delete(Probe).where(Probe.connection_id == connection_id))


def is_anything_due(now: datetime) -> bool:
    """One look at the index's first entry."""
    (soonest,) = _SOONEST.first(db.engine, {}) or (None,)
    return soonest is not None and soonest <= now


@transaction
def claim(provider_id: str, *, now: datetime, until: datetime, most: int) -> tuple[UUID, ...]:
    """Claim the provider's longest due, unless a batch of its is out already; what dies meanwhile is due at `until`."""
    is_out = exists().where(Probe.provider_id == provider_id, Probe.claimed_until > now)
    if db.session.scalar(select(is_out)):
        return ()
    due = (Probe.provider_id == provider_id, Probe.due_at <= now)
    longest = select(Probe.connection_id).where(*due).order_by(Probe.due_at).limit(most)
    claiming = update(Probe).where(Probe.connection_id.in_(longest), *due).values(due_at=until, claimed_until=until)
    return tuple(db.session.scalars(claiming.returning(Probe.connection_id)))


@reading
def read(connection_ids: Sequence[UUID]) -> tuple[Asked, ...]:
    """Those of the connections that are (still) planned."""
    columns = (Probe.connection_id, Probe.claimed_until, Probe.failures, Probe.last_ok_at)
    return tuple(
        Asked(*row) for row in db.session.execute(select(*columns).where(Probe.connection_id.in_(connection_ids)))
    )


def last_checked_at(asker: Asker, connection_id: UUID) -> datetime | None:
    """When the provider last said that these tokens of the asker's organization live; None while it was not asked."""
    row = _LAST_OK.first(db.engine, {"id": connection_id, "organization_id": asker.organization_id})
    return row[0] if row else None


def interval(provider: Provider, *, has_refresh_token: bool, life: timedelta | None) -> timedelta | None:
    """How often the provider is asked about tokens of this life; None for tokens that their refreshes prove."""
    is_refreshed = _can_refresh(provider, has_refresh_token=has_refresh_token)
    return rules.probe_interval(_facts(provider), TokenFacts(refreshed_every=life if is_refreshed else None))


def _can_refresh(provider: Provider, *, has_refresh_token: bool) -> bool:
    """Whether newer tokens can be had without a human."""
    mode = provider.refresh.mode
    return mode is not RefreshMode.NONE and (mode is not RefreshMode.REFRESH_TOKEN or has_refresh_token)


@repeatable_transaction
def settle(asked: Asked, *, due_at: datetime | None, now: datetime) -> bool:
    """The tokens live; the next question is due at `due_at`. False when it was planned anew meanwhile."""
    return rows_changed(_of(asked).values(due_at=due_at, claimed_until=None, failures=0, last_ok_at=now)) == 1


@repeatable_transaction
def put_off(asked: Asked, *, until: datetime, is_failure: bool = True) -> bool:
    """Nothing was found out; ask again at `until`. `is_failure`: the provider was asked."""
    failures = asked.failures + 1 if is_failure else asked.failures
    return rows_changed(_of(asked).values(due_at=until, claimed_until=None, failures=failures)) == 1


@repeatable_transaction
def stop(asked: Asked) -> bool:
    """There is nothing to ask about until somebody consents again."""
    return rows_changed(_of(asked).values(due_at=None, claimed_until=None, failures=0)) == 1


def _of(asked: Asked) -> Update:
    return update(Probe).where(
        Probe.connection_id == asked.connection_id, Probe.claimed_until.is_not_distinct_from(asked.claimed_until)
    )


def _facts(provider: Provider) -> ProviderFacts:
    rules_ = provider.identity
    idle = timedelta(seconds=provider.clocks.refresh_idle_s) if provider.clocks.refresh_idle_s else None
    return ProviderFacts(bool(rules_.userinfo or provider.is_oidc or provider.introspect), idle)


def _row(connection_id: UUID, provider_id: str, due_at: datetime | None) -> dict[str, Any]:
    return {"connection_id": connection_id, "provider_id": provider_id, "due_at": due_at}


def _imported_at(connection_id: UUID, provider: Provider, now: datetime) -> datetime | None:
    if not _facts(provider).can_be_asked:
        return None
    return rules.imported_at(now, jitter=freshness.jitter_of(connection_id))


@transaction
def _plan_some(now: datetime) -> int:
    own = (Connection.id, Connection.provider_id, Connection.connector)
    unplanned = select(*own, Grant.issued_at, Grant.access_expires_at, Grant.refresh_token)
    unplanned = unplanned.join(Grant, Grant.connection_id == Connection.id).outerjoin(Probe)
    unplanned = unplanned.where(Probe.connection_id.is_(None), Connection.state == ConnectionState.ACTIVE)
    rows = [_missing(row, now) for row in db.session.execute(unplanned.limit(PLANNED_AT_ONCE))]
    if rows:
        db.session.connection().execute(insert_into(Probe).on_conflict_do_nothing(), rows)
    return len(rows)


def _missing(row: Row[*tuple[Any, ...]], now: datetime) -> dict[str, Any]:
    connection_id, provider_id, connector, issued_at, ends_at, refresh_token = row
    provider, life = catalog().get(provider_id, connector), ends_at and ends_at - issued_at
    every = interval(provider, has_refresh_token=refresh_token is not None, life=life) if provider else None
    return _row(connection_id, provider_id, rules.spread_at(now, every, jitter=freshness.jitter_of(connection_id)))
