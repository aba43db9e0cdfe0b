"""The one function that refreshes.

Callers in one process share one attempt, and between processes the lease on the grant's row decides who talks to the
provider; the others read again until the winner's tokens are there. Nobody ever refreshes without the lease. The
provider is called outside of any transaction, its answer is written before anything else, and its "no" is believed only
after a look at whether somebody else has rotated meanwhile.
"""

import time
from datetime import datetime, timedelta

import structlog

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed, TokenAnswer
from portal.crypto import Secret, random_token
from portal.extensions import catalog, config
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import RefreshMode
from portal.rules import freshness
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.status import HOLDING, ConnectionState
from portal.rules.verdicts import Fault, FaultAction, Verdict
from portal.services import grants, token_store
from portal.services.single_flight import SingleFlight
from portal.services.token_store import StoredGrant

LOOK_EVERY_S = 0.025  # one read a process, however many callers wait in it
QUICK_TRIES = 3  # after a lost answer, while the provider may still honour the token from before it
TOLD_SOON = timedelta(seconds=20)  # where it does not honour it any more, the person is to hear of it within a minute
BUSY = timedelta(seconds=2)
NO_REFRESH = "The access token has ended, and this provider gives no refresh token."
ENDED = "The consent has ended."
INTERRUPTED = "A refresh was interrupted, and the provider no longer accepts the token from before it."
NEEDS_A_HUMAN = frozenset({Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING})
NOT_CONFIGURED = Verdict(Fault.APP_CONFIG, FaultAction.FIX_APP, "The provider is not configured here.")

log = structlog.get_logger(__name__)
_flights: SingleFlight[StoredGrant] = SingleFlight()


def refreshed(grant: StoredGrant, now: datetime) -> StoredGrant:
    """The grant with newer tokens than the given ones, by our own refresh or somebody else's.

    Raises ReconsentRequired when only a human can help, ProviderUnavailable when trying again later may.
    """
    _check_alive(grant)
    if _renewing_token(grant) is None:
        raise ReconsentRequired(NO_REFRESH, grant.access_expires_at or now)
    return _flights.share((grant.connection_id, grant.generation), lambda: _lead(grant, now))


def why(state: ConnectionState, reason: str | None) -> str:
    """Why a connection gives no token, in a sentence."""
    return reason or {
        ConnectionState.INVITED: "Nobody has connected it yet.",
        ConnectionState.DISPLACED: "Another member has connected the same login.",
        ConnectionState.DISCONNECTED: "It was disconnected on purpose.",
    }.get(state, "The provider no longer accepts our tokens.")


def _check_alive(grant: StoredGrant) -> None:
    if grant.state is not ConnectionState.ACTIVE:
        raise ReconsentRequired(why(grant.state, grant.state_reason), grant.state_since)


def _lead(grant: StoredGrant, began_at: datetime) -> StoredGrant:
    """Refresh under the lease, or wait for whoever holds it."""
    began, current = time.monotonic(), grant
    deadline, lease_length = freshness.lease_lengths(_grace(grant))
    while True:
        now = began_at + timedelta(seconds=time.monotonic() - began)
        is_free = current.lease_until is None or current.lease_until <= now
        if is_free and token_store.lease(grant, random_token(12), until=now + lease_length, now=now):
            return _refresh_leased(grant, deadline, now)
        current = _current(grant)
        if current.generation > grant.generation:
            return current
        if current.failures > grant.failures or now - began_at > lease_length + deadline:
            raise ProviderUnavailable(BUSY)
        time.sleep(LOOK_EVERY_S)


def _renewing_token(grant: StoredGrant) -> Secret | None:
    """What a new access token is got with: the refresh token, or where the provider exchanges it the access token."""
    provider = catalog().get(grant.provider_id)
    is_exchanged = provider is not None and provider.refresh.mode is RefreshMode.EXCHANGE
    return grant.secret("access_token" if is_exchanged else "refresh_token")


def _refresh_leased(grant: StoredGrant, deadline: timedelta, now: datetime) -> StoredGrant:
    provider, app = catalog().get(grant.provider_id), catalog().app(grant.provider_id)
    refresh_token = _renewing_token(grant)
    if provider is None or app is None or refresh_token is None:
        return _not_now(grant, OAuthFailed(NOT_CONFIGURED), now)
    try:
        answer = _ask(grant, provider, app, refresh_token, deadline, now)
    except OAuthFailed as failed:
        return _refused(grant, failed, now)
    token_store.store(grant, answer, early=provider.refresh.early, now=now)
    return _current(grant)


def _ask(  # everything one refresh needs, in the order the provider is told
    grant: StoredGrant,
    provider: Provider,
    app: ProviderApp,
    refresh_token: Secret,
    deadline: timedelta,
    now: datetime,
) -> TokenAnswer:
    return oauth.refresh(
        provider,
        app,
        refresh_token=refresh_token,
        redirect_uri=f"{config().public_url}/consent/callback/{provider.id}",
        now=now,
        deadline=deadline,
        scopes=grant.scopes.split(),
    )


def _current(grant: StoredGrant) -> StoredGrant:
    """The grant as it stands now, whoever wrote it; raises ReconsentRequired when it gives no tokens any more."""
    current = token_store.read(grant.connection_id)
    if current is None:
        raise ReconsentRequired(why(ConnectionState.DISCONNECTED, None), grant.state_since)
    if current.state not in HOLDING or current.generation == grant.generation:
        _check_alive(current)
    return current


def _refused(grant: StoredGrant, failed: OAuthFailed, now: datetime) -> StoredGrant:
    if failed.verdict.fault not in NEEDS_A_HUMAN:
        return _not_now(grant, failed, now)
    current = _current(grant)
    if current.generation > grant.generation:
        return current  # somebody rotated meanwhile: the refusal was about a token nobody needs any more
    if grant.consent_expires_at is not None and grant.consent_expires_at <= now:
        token_store.stop(grant)  # no surprise: it has ended as announced, and its people have been told
        raise ReconsentRequired(ENDED, grant.consent_expires_at)
    reason = INTERRUPTED if grant.lease_owner else failed.verdict.reason
    grants.give_up(grant.connection_id, grant.generation, reason, now=now)
    log.warning("needs reconsent", connection_id=str(grant.connection_id), fault=failed.verdict.fault, reason=reason)
    raise ReconsentRequired(reason, now)


def _not_now(grant: StoredGrant, failed: OAuthFailed, now: datetime) -> StoredGrant:
    verdict = failed.verdict
    wait = _wait(grant, failed)
    token_store.postpone(grant, verdict.fault, until=now + wait, is_answer_lost=failed.is_answer_lost, now=now)
    log.warning("refresh failed", connection_id=str(grant.connection_id), fault=verdict.fault, reason=verdict.reason)
    raise ProviderUnavailable(wait)


def _wait(grant: StoredGrant, failed: OAuthFailed) -> timedelta:
    """The usual back-off; after a lost answer sooner, for the token we hold dies with the provider's grace, or has."""
    jitter = freshness.jitter_of(f"{grant.connection_id}:{grant.failures}")
    wait = freshness.backoff(grant.failures + 1, jitter=jitter, retry_after=failed.verdict.retry_after)
    grace = _grace(grant)
    if failed.is_answer_lost and grant.failures < QUICK_TRIES:
        return min(wait, grace / 6 if grace else TOLD_SOON)
    return wait


def _grace(grant: StoredGrant) -> timedelta | None:
    provider = catalog().get(grant.provider_id)
    return timedelta(seconds=provider.refresh.grace_s) if provider and provider.refresh.grace_s else None
