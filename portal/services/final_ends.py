"""Refresh tokens that end by themselves where nobody is reminded of it: told to the admins, who can cure the cause.

Where a provider's file names no clock that needs a human, an answer may state an end all the same; Google's do for an
app in testing, seven days on. No member can do anything about that before it happens.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select

from portal.db import db, reading
from portal.extensions import catalog
from portal.models import Connection, Grant
from portal.providers.schema import Provider
from portal.providers.words import HumanClock, RefreshMode, Rotation
from portal.rules import deadlines as rules
from portal.rules.status import ConnectionState
from portal.services import alerts, offers

PLACE = "/admin/providers"
AHEAD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ending:
    """How many connections of an organization end so at a provider within the next days, and when the first does."""

    organization_id: UUID
    provider_id: str
    connections: int
    first_at: datetime


def tell(*, now: datetime) -> int:
    """Tell the admins what ends so within 7 days, once a week and provider; returns how many were told."""
    return sum(_tell(ending, now) for ending in _endings(now))


def _tell(ending: Ending, now: datetime) -> int:
    name, count = offers.named(ending.provider_id).name, ending.connections
    first = rules.in_words(ending.first_at.date(), today=now.date())
    return alerts.raise_once(
        f"refresh-ends:{ending.provider_id}:{now:%G-W%V}",
        ending.organization_id,
        title=f"{name}: {count} connection{'' if count == 1 else 's'} will stop within {AHEAD.days} days",
        sentence=f"{name} ends their refresh tokens, the first {first}, and no refresh changes that. Until then they "
        "work as before; then their members are asked to connect again.",
        what_to_do=f"Have your operator look at our app at {name}: one that counts as being in testing there often "
        "gets such tokens. Once that is put right, let the members reconnect: tokens given before keep their end.",
        place=f"{PLACE}/{ending.provider_id}",
        now=now,
    )


@reading
def _endings(now: datetime) -> tuple[Ending, ...]:
    """Ends of which no member is reminded in time, of tokens that are still those of the consent.

    Where a file does not say that they stay the same, one refresh has to have shown it.
    """
    silent = [provider for provider in catalog().all if _is_silent(provider)]
    static = [provider.id for provider in silent if provider.refresh.rotation is Rotation.STATIC]
    found = select(Grant.organization_id, Grant.provider_id, func.count(), func.min(Grant.refresh_expires_at))
    found = found.join(Connection, Connection.id == Grant.connection_id).where(
        Grant.provider_id.in_([provider.id for provider in silent]),
        Grant.refresh_expires_at > now,
        Grant.refresh_expires_at <= now + AHEAD,
        Grant.rotated_at.is_(None),
        or_(Grant.provider_id.in_(static), Grant.issued_at > Connection.consented_at),
        Connection.state == ConnectionState.ACTIVE,
        Connection.consent_expires_at > Grant.refresh_expires_at,
    )
    rows = db.session.execute(found.group_by(Grant.organization_id, Grant.provider_id))
    return tuple(Ending(who, where, count, first_at) for who, where, count, first_at in rows if first_at)


def _is_silent(provider: Provider) -> bool:
    """Whether an end that is stored was stated by an answer, calls for nobody, and is moved by no refresh as a rule."""
    is_refreshed = not provider.kind.is_service and provider.refresh.mode is RefreshMode.REFRESH_TOKEN
    clocks, is_replaced = provider.clocks, provider.refresh.rotation is Rotation.ROTATING
    return is_refreshed and not is_replaced and clocks.human_at is HumanClock.NONE and not clocks.refresh_absolute_s
