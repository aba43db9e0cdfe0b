"""What a cancelled consent has left of the earlier tokens: promised where it is certain, looked at where it is not."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.crypto import Secret
from portal.rules.problems import NotFound, ProviderUnavailable, ReconsentRequired
from portal.services import cases, condemning, refresh_means, refreshing, reviews, token_store, tokens
from portal.services.asker import Asker
from portal.services.cases import Case
from portal.services.token_store import StoredGrant
from portal.services.tokens import FreshToken

ENDED_BY_NEW_CONSENT = "The provider ended the earlier consent when the new one was given."


class OldTokens(StrEnum):
    """What became of them.

    `none`: there never were any; `idle`: they did not work before either; `kept`: untouched by the new consent; the
    rest after a look at the provider.
    """

    NONE = "none"
    IDLE = "idle"
    KEPT = "kept"
    WORK = "work"
    ENDED = "ended"
    UNKNOWN = "unknown"


def promised(case: Case, *, now: datetime) -> OldTokens:
    """What may be said without asking the provider; `unknown` where it may have ended them by the new consent."""
    if case.comparison.is_first:
        return OldTokens.NONE
    if not cases.is_working(case, now=now):
        return OldTokens.IDLE
    return OldTokens.UNKNOWN if reviews.may_have_ended(case) else OldTokens.KEPT


def look(asker: Asker, connection_id: UUID, *, now: datetime) -> OldTokens:
    """Find out whether the connection's tokens still work; when they have ended, the connection says so from now on.

    A refresh proves both tokens at once. Where there is nothing to refresh with, the provider is asked who the access
    token belongs to.
    """
    stored = token_store.read(connection_id)
    if stored is None or stored.organization_id != asker.organization_id:
        raise NotFound
    try:
        fresh = _renewed(asker, stored, now)
        if fresh.generation > stored.generation or _is_alive(stored, fresh.access_token, now):
            return OldTokens.WORK
    except ReconsentRequired:
        return OldTokens.ENDED
    except (ProviderUnavailable, OAuthFailed):
        return OldTokens.UNKNOWN
    condemning.dead(stored, ENDED_BY_NEW_CONSENT, now=now)  # no newer one was found above
    return OldTokens.ENDED


def _renewed(asker: Asker, stored: StoredGrant, now: datetime) -> FreshToken:
    if stored.refresh_token and not refreshing.is_best(stored, now=now):
        return tokens.handed_out(refreshing.refreshed(stored, now), now)
    return tokens.fresh_access_token(asker, stored.connection_id, now=now)


def _is_alive(stored: StoredGrant, access_token: Secret, now: datetime) -> bool:
    provider, app = refresh_means.at(stored.provider_id, stored.connection_id)
    return oauth.is_alive(provider, app, access_token, now=now)
