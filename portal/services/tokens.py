"""Fresh tokens for whoever asks: backends with a key, the background, a reconsent, a command.

A token that still lives as long as asked for is handed out without a write and without a lock; all else goes through
`services/refreshing.py`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.crypto import Secret
from portal.extensions import run_side_by_side
from portal.rules import freshness
from portal.rules.problems import NotFound, ProviderUnavailable, ReconsentRequired
from portal.rules.status import HOLDING, ConnectionState
from portal.services import incident_brake, key_uses, keyed_reads, pacing, refreshing, token_store, unreadable
from portal.services.asker import Asker
from portal.services.keyed_reads import KeyedToken
from portal.services.pacing import Batch
from portal.services.read_ahead import ReadAhead
from portal.services.token_store import StoredGrant
from portal.services.waiting_room import WaitingRoom

BATCH = 1_000  # a worker's few seconds; at the end of each some of its threads have nothing to do
DUE_AT_ONCE = 2_000  # a fraction of a second to claim
WIDTH = 50

_waiting_room = WaitingRoom()


@dataclass(frozen=True, slots=True)
class FreshToken:
    """An access token that lives at least as long as was asked for (`expires_at` None: it never expires)."""

    access_token: Secret
    token_type: str
    expires_at: datetime | None
    scopes: tuple[str, ...]
    subject: str | None
    generation: int


def fresh_token_for_key(key: str, connection_id: UUID, *, min_ttl: timedelta | None, now: datetime) -> FreshToken:
    """What a backend gets for its key; raises SignInRequired, NotFound, ReconsentRequired or ProviderUnavailable."""
    found = keyed_reads.read(key, connection_id, now=now)
    fresh = _of_key(found, min_ttl, now)
    key_uses.note(found.key_id, connection_id, found.organization_id, now)
    return fresh


def fresh_access_token(
    asker: Asker, connection_id: UUID, *, min_ttl: timedelta | None = None, now: datetime
) -> FreshToken:
    """A token of one of the asker's organization's connections that lives `min_ttl` (default 60 s) longer than now."""
    grant = token_store.read(connection_id)
    if grant is None or grant.organization_id != asker.organization_id or not asker.reaches(grant.provider_id):
        raise NotFound
    return _fresh(grant, min_ttl, now)


def claim_due_batches(*, now: datetime) -> tuple[tuple[UUID, ...], ...]:
    """Connections to refresh now, in batches of one provider each, so that a sick provider holds up only its own.

    Those longest due come first, and not all at once: ask again until there are none.
    """
    by_provider = defaultdict(list)
    for connection_id, provider_id in token_store.claim_due(now=now, most=DUE_AT_ONCE):
        by_provider[provider_id].append(connection_id)
    return tuple(
        tuple(ids[start : start + BATCH]) for ids in by_provider.values() for start in range(0, len(ids), BATCH)
    )


def refresh_batch(connection_ids: Sequence[UUID], *, now: datetime) -> int:
    """Refresh one provider's due connections in the background, as fast as it may be asked; returns how many have been.

    What cannot be asked about now or in time comes up again by itself.
    """
    first = token_store.read(connection_ids[0]) if connection_ids else None
    if first is None:
        return 0
    batch = pacing.Batch(connection_ids, first.provider_id, now=now)
    ahead = ReadAhead(batch.admitted)
    refreshed = run_side_by_side(
        lambda one: batch.may_begin(one) and _is_refreshed(ahead.grant(one), batch),
        batch.admitted,
        width=min(WIDTH, batch.width),
    )
    batch.end()
    return sum(refreshed)


def tidy(*, now: datetime) -> int:
    """Wipe previous refresh tokens after their grace, and end incidents that nobody is left of; returns how many."""
    return token_store.forget_previous(now=now) + incident_brake.close_quiet(now=now)


def _is_refreshed(grant: StoredGrant | None, batch: Batch) -> bool:
    """A batch that has waited long may have been rung for again: whoever comes second leaves it all as it is."""
    if grant is None or grant.state is not ConnectionState.ACTIVE or not grant.is_waiting(batch.now):
        return False
    try:
        return refreshing.refreshed(grant, batch.now, is_claimed=True).generation > grant.generation
    except (ReconsentRequired, ProviderUnavailable):
        return False  # noted on the grant, which is tried again or shown as needing reconsent


def _of_key(found: KeyedToken, min_ttl: timedelta | None, now: datetime) -> FreshToken:
    """As `_fresh`; the rest of the grant is read only where its token is no longer fresh enough."""
    wanted = freshness.granted_min_ttl(min_ttl, life=found.life)
    if found.state in HOLDING and freshness.is_fresh(found.access_expires_at, now=now, min_ttl=wanted):
        return handed_out(found, now)
    grant = token_store.read(found.connection_id)
    if grant is None:
        raise NotFound
    return _fresh(grant, min_ttl, now)


def _fresh(grant: StoredGrant, min_ttl: timedelta | None, now: datetime) -> FreshToken:
    if grant.state not in HOLDING:
        raise ReconsentRequired(refreshing.why(grant.state, grant.state_reason), grant.state_since)
    wanted = freshness.granted_min_ttl(min_ttl, life=grant.life)
    if freshness.is_fresh(grant.access_expires_at, now=now, min_ttl=wanted):
        return handed_out(grant, now)
    if refreshing.is_best(grant, now=now) or refreshing.is_spared(grant, now=now):
        return handed_out(grant, now)
    with _waiting_room.seat(grant.provider_id):
        refreshed = refreshing.refreshed(grant, now)
    if not freshness.is_fresh(refreshed.access_expires_at, now=now, min_ttl=timedelta(0)):
        raise ProviderUnavailable(refreshing.BUSY)  # by its own words the provider's newest token has ended
    return handed_out(refreshed, now)


def handed_out(grant: StoredGrant | KeyedToken, now: datetime) -> FreshToken:
    """The token of a grant as it stands; raises ReconsentRequired where it has none any more, or TokensUnreadable."""
    with unreadable.told(grant, now=now):
        token = grant.secret("access_token")
    if token is None:
        raise ReconsentRequired(refreshing.why(grant.state, grant.state_reason), grant.state_since)
    return FreshToken(
        access_token=token,
        token_type=grant.token_type,
        expires_at=grant.access_expires_at,
        scopes=tuple(grant.scopes.split()),
        subject=grant.subject,
        generation=grant.generation,
    )
