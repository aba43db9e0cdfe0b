"""Fresh tokens for whoever asks: backends with a key, the background, a reconsent, a command.

A token that still lives as long as asked for is handed out without a write and without a lock; all else goes through
`services/refreshing.py`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.crypto import Secret, digest
from portal.extensions import run_side_by_side
from portal.rules import freshness
from portal.rules.problems import NotFound, ProviderUnavailable, ReconsentRequired, SignInRequired
from portal.rules.status import HOLDING, ConnectionState
from portal.services import refreshing, token_store
from portal.services.asker import Asker
from portal.services.token_store import StoredGrant

BATCH = 100
DUE_AT_ONCE = 5_000
CLAIM_LASTS = timedelta(minutes=2)
WIDTH = 16


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
    found = token_store.read_by_key(digest(key), connection_id, now=now)
    if found is None or not found.is_usable:
        raise SignInRequired("The API key is unknown, expired or revoked.")
    if not found.is_found or found.state is None or found.state_since is None:
        raise NotFound
    if found.grant is None:
        raise ReconsentRequired(refreshing.why(found.state, None), found.state_since)
    return _fresh(found.grant, min_ttl, now)


def fresh_access_token(
    asker: Asker, connection_id: UUID, *, min_ttl: timedelta | None = None, now: datetime
) -> FreshToken:
    """A token of one of the asker's organization's connections that lives `min_ttl` (default 60 s) longer than now."""
    grant = token_store.read(connection_id)
    if grant is None or grant.organization_id != asker.organization_id:
        raise NotFound
    return _fresh(grant, min_ttl, now)


def claim_due_batches(*, now: datetime) -> tuple[tuple[UUID, ...], ...]:
    """Connections to refresh now, in batches of one provider each, so that a sick provider holds up only its own."""
    by_provider = defaultdict(list)
    for connection_id, provider_id in token_store.claim_due(now=now, again_at=now + CLAIM_LASTS, most=DUE_AT_ONCE):
        by_provider[provider_id].append(connection_id)
    return tuple(
        tuple(ids[start : start + BATCH]) for ids in by_provider.values() for start in range(0, len(ids), BATCH)
    )


def refresh_batch(connection_ids: Sequence[UUID], *, now: datetime) -> int:
    """Refresh these in the background, several at a time; returns how many have a new token now."""
    return sum(run_side_by_side(lambda one: _refresh_due(one, now), connection_ids, width=WIDTH))


def _refresh_due(connection_id: UUID, now: datetime) -> bool:
    grant = token_store.read(connection_id)
    if grant is None or grant.state is not ConnectionState.ACTIVE:
        return False
    try:
        return refreshing.refreshed(grant, now).generation > grant.generation
    except (ReconsentRequired, ProviderUnavailable):
        return False  # noted on the grant, which is tried again or shown as needing reconsent


def _fresh(grant: StoredGrant, min_ttl: timedelta | None, now: datetime) -> FreshToken:
    if grant.state not in HOLDING:
        raise ReconsentRequired(refreshing.why(grant.state, grant.state_reason), grant.state_since)
    wanted = freshness.granted_min_ttl(min_ttl, life=grant.life)
    if freshness.is_fresh(grant.access_expires_at, now=now, min_ttl=wanted):
        return _handed_out(grant)
    return _handed_out(refreshing.refreshed(grant, now))


def _handed_out(grant: StoredGrant) -> FreshToken:
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
