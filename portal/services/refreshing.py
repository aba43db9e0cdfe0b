"""The one function that refreshes.

Callers in one process share one attempt, and between processes the lease on the grant's row decides who talks to the
provider; the others read again until the winner's tokens are there. Nobody ever refreshes without the lease. The
provider is called outside of any transaction, its answer is written before anything else, and its "no" is believed only
after a look at whether somebody else has rotated meanwhile.
"""

import time
from dataclasses import replace
from datetime import datetime, timedelta

from portal.adapters.oauth import OAuthFailed
from portal.crypto import random_token
from portal.rules import freshness
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.status import HOLDING, ConnectionState
from portal.services import (
    grant_owners,
    incident_brake,
    refresh_means,
    refusals,
    renewals,
    stray_tokens,
    token_store,
    unreadable,
)
from portal.services.refusals import Refused
from portal.services.renewals import Renewal
from portal.services.token_store import StoredGrant
from portal.single_flight import SingleFlight

LOOK_EVERY_S = 0.025  # one read a process, however many callers wait in it
BUSY = timedelta(seconds=2)
NO_REFRESH = "The access token has ended, and this provider gives no refresh token."

_flights: SingleFlight[StoredGrant] = SingleFlight()


def refreshed(grant: StoredGrant, now: datetime, *, is_claimed: bool = False) -> StoredGrant:
    """The grant with newer tokens than the given ones, by our own refresh or somebody else's.

    Raises ReconsentRequired when only a human can help, ProviderUnavailable when trying again later may. `is_claimed`:
    by the background, whose turn it is; everybody else waits after a failure until it is tried again.
    """
    check_alive(grant, now=now)
    if not refresh_means.is_possible(grant):
        raise ReconsentRequired(NO_REFRESH, grant.access_expires_at or now)
    ripe_at = _ripe_at(grant)
    if now < ripe_at:
        raise ProviderUnavailable(ripe_at - now)
    rest = None if is_claimed else refusals.rest_of(grant, now=now)
    if rest is not None:
        raise ProviderUnavailable(rest)
    return _flights.share((grant.connection_id, grant.generation), lambda: _lead(grant, now))


def is_best(grant: StoredGrant, *, now: datetime) -> bool:
    """Whether no refresh can bring a token that lives longer than this one, which lives: too young, or cut to the end.

    Some providers refuse to renew young tokens; some cut the last ones to what is left of the refresh token's own life.
    """
    ends_at = grant.access_expires_at
    if grant.state is not ConnectionState.ACTIVE or ends_at is None or ends_at <= now:
        return False
    final_end_at = refresh_means.final_end_of(grant)
    return now < _ripe_at(grant) or (final_end_at is not None and ends_at >= final_end_at - freshness.SLACK)


def is_spared(grant: StoredGrant, *, now: datetime) -> bool:
    """Whether it is left alone although a caller wants more of its life, for a refresh would end what others hold.

    Whoever insists on the whole life would otherwise end everybody's token at each request.
    """
    provider = refresh_means.provider_of(grant)
    is_shared = provider is not None and provider.refresh.old_access_dies
    is_living = grant.state is ConnectionState.ACTIVE and freshness.is_fresh(
        grant.access_expires_at, now=now, min_ttl=timedelta(0)
    )
    return is_shared and is_living and freshness.is_young(grant.issued_at, grant.life, now=now)


def why(state: ConnectionState, reason: str | None) -> str:
    """Why a connection gives no token, in a sentence."""
    return reason or {
        ConnectionState.INVITED: "Nobody has connected it yet.",
        ConnectionState.DISPLACED: "Another member has connected the same login.",
        ConnectionState.DISCONNECTED: "It was disconnected on purpose.",
    }.get(state, "The provider no longer accepts our tokens.")


def check_alive(grant: StoredGrant, *, now: datetime) -> None:
    """Raise ReconsentRequired for a connection that gives no new tokens."""
    if grant.state is not ConnectionState.ACTIVE:
        raise ReconsentRequired(why(grant.state, grant.state_reason), grant.state_since)
    refusals.check_not_ended(grant, now=now)


def current(grant: StoredGrant, *, now: datetime) -> StoredGrant:
    """The grant as it stands now, whoever wrote it; raises ReconsentRequired when it gives no tokens any more."""
    found = token_store.read(grant.connection_id)
    if found is None:
        raise ReconsentRequired(why(ConnectionState.DISCONNECTED, None), grant.state_since)
    if found.state not in HOLDING or found.generation == grant.generation:
        check_alive(found, now=now)
    return found


def _lead(grant: StoredGrant, began_at: datetime) -> StoredGrant:
    """Refresh under the lease, or wait for whoever holds it."""
    began, latest, owner = time.monotonic(), grant, random_token(12)
    deadline, lease_length = freshness.lease_lengths(refresh_means.grace_of(grant))
    while True:
        now = _moment(began_at, began)
        if latest.lease_until is None or latest.lease_until <= now:
            incident_brake.check_may_ask(grant, now=now)
            if token_store.lease(latest, owner, until=now + lease_length, now=now):
                left = deadline - (_moment(began_at, began) - now)
                if left >= deadline / 2:
                    with unreadable.told(latest, now=now, is_leased=True):
                        return _refresh_leased(latest, left, now)
        latest = current(grant, now=now)
        if latest.generation > grant.generation:
            return latest
        if latest.failures > grant.failures or now - began_at > lease_length + deadline:
            raise ProviderUnavailable(BUSY)
        if latest.lease_owner == owner:
            latest = replace(latest, lease_owner=None)  # our own, written too late to ask in its time: nobody has asked
        time.sleep(LOOK_EVERY_S)


def _moment(began_at: datetime, began: float) -> datetime:
    return began_at + timedelta(seconds=time.monotonic() - began)


def _refresh_leased(grant: StoredGrant, deadline: timedelta, now: datetime) -> StoredGrant:
    means = None
    try:
        means = refresh_means.means_of(grant, now=now)
        if means is None:
            raise OAuthFailed(refusals.NOT_CONFIGURED)
        answer = refresh_means.ask(grant, means, deadline=deadline, now=now)
    except OAuthFailed as failed:
        return _refused(Refused(grant, means, failed), deadline, now)
    return _keep(grant, Renewal(means, now, answer), now)


def _refused(refused: Refused, deadline: timedelta, now: datetime) -> StoredGrant:
    grant = refused.grant
    if not refusals.is_refusal(refused.failed):
        refusals.put_off(grant, refused.failed, now=now)
    latest = current(grant, now=now)
    if latest.generation > grant.generation:
        return latest  # somebody rotated meanwhile: the refusal was about a token nobody needs any more
    answer = refusals.second_chance(refused, deadline=deadline, now=now)
    if answer is None or refused.means is None:
        refusals.end(refused, now=now)
    return _keep(grant, Renewal(refused.means, now, answer), now)


def _keep(grant: StoredGrant, renewal: Renewal, now: datetime) -> StoredGrant:
    """Write the new tokens first of all; only then look at whose they are, and at what they say of the provider."""
    renewed = renewals.write_surely(grant, renewal, now=now)
    if renewed is None:
        stray_tokens.end(grant, renewal.answer, now=now)
        return current(grant, now=now)
    incident_brake.after_success(grant, now=now)
    grant_owners.check(renewed, renewal, now=now)
    return renewed


def _ripe_at(grant: StoredGrant) -> datetime:
    """From when on the provider renews this token at all."""
    provider = refresh_means.provider_of(grant)
    return grant.issued_at + timedelta(seconds=provider.refresh.min_age_s if provider else 0)
