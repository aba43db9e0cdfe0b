"""What a provider's "no" to a refresh means for the connection, and what is done about it.

It comes here only after a look at whether somebody else has rotated meanwhile. It is believed when the token from
before a rotation, which the provider may have lost, does not work either, and when not many are refused at once.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn

import structlog

from portal.adapters.oauth import OAuthFailed, TokenAnswer
from portal.db import transaction
from portal.providers.words import RefreshMode
from portal.rules import freshness
from portal.rules import incidents as incident_rules
from portal.rules.problems import ProviderUnavailable, ReconsentRequired
from portal.rules.verdicts import Fault, FaultAction, Verdict
from portal.services import (
    grants,
    incident_brake,
    offers,
    pacing,
    provider_watch,
    refresh_means,
    reuse_alarms,
    token_store,
)
from portal.services.refresh_means import Means
from portal.services.token_store import StoredGrant

QUICK_TRIES = 3  # after a lost answer, while the provider may still honour the token from before it
TOLD_SOON = timedelta(seconds=20)  # where it does not honour it any more, the person is to hear of it within a minute
ENDED = "The consent has ended."
INTERRUPTED = "A refresh was interrupted, and the provider no longer accepts the token from before it."
KEY_REFUSED = "The provider refuses the key: {reason}."
NOT_CONFIGURED = Verdict(Fault.APP_CONFIG, FaultAction.FIX_APP, "The provider is not configured here.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Refused:
    """A question that was refused: with what it was asked (None: it never came to that), and the answer to it."""

    grant: StoredGrant
    means: Means | None
    failed: OAuthFailed


def is_refusal(failed: OAuthFailed) -> bool:
    """Whether it says something about the grant; all else says something about the provider, our app or the way."""
    return failed.verdict.fault in incident_rules.REFUSALS


def second_chance(refused: Refused, *, deadline: timedelta, now: datetime) -> TokenAnswer | None:
    """The tokens for the refresh token from before the latest rotation, where the provider still honours that one.

    A provider that refuses the token it has just given may have lost the rotation (a replica that lags, a restored
    backup). After an interrupted refresh of ours that is not so: the token from before is then long used up, and to
    show it once more would look like a theft. None where there is nothing to try, or it is refused as well.
    """
    grant, means, previous = refused.grant, refused.means, refused.grant.secret("previous_refresh_token")
    if means is None or previous is None or means.provider.refresh.mode is not RefreshMode.REFRESH_TOKEN:
        return None
    if grant.is_interrupted or grant.previous_until is None or now + deadline >= grant.previous_until:
        return None
    try:
        answer = refresh_means.ask(grant, replace(means, shown=previous), deadline=deadline / 3, now=now)
    except OAuthFailed as failed:
        if is_refusal(failed):
            return None
        put_off(grant, failed, now=now)
    log.warning("the previous refresh token was taken", connection_id=str(grant.connection_id))
    return replace(answer, refresh_token=answer.refresh_token or previous)


def check_not_ended(grant: StoredGrant, *, now: datetime) -> None:
    """Raise ReconsentRequired for a consent that has ended as announced, and was refused since (see `end`)."""
    ends_at = grant.consent_expires_at
    is_stopped = grant.refresh_due_at is None and grant.last_fault in incident_rules.REFUSALS
    if ends_at is not None and ends_at <= now and is_stopped:
        raise ReconsentRequired(ENDED, ends_at)


def end(refused: Refused, *, now: datetime) -> NoReturn:
    """Believe the refusal: raises ReconsentRequired, or ProviderUnavailable while so many are refused that it waits."""
    grant, verdict = refused.grant, refused.failed.verdict
    if grant.consent_expires_at is not None and grant.consent_expires_at <= now:
        token_store.stop(grant, verdict.fault)  # no surprise: it has ended as announced, and its people have been told
        raise ReconsentRequired(ENDED, grant.consent_expires_at)
    token_store.note_fault(grant, verdict.fault, now=now)
    if incident_brake.holds(grant, incident_brake.after_failure(grant, verdict, now=now)):
        _hold(grant, verdict, now)
    reason = _condemn(refused, now)
    log.warning("needs reconsent", connection_id=str(grant.connection_id), fault=verdict.fault, reason=reason)
    raise ReconsentRequired(reason, now)


def put_off(grant: StoredGrant, failed: OAuthFailed, *, now: datetime) -> NoReturn:
    """Try again later after a failure that says nothing about the credentials: raises ProviderUnavailable."""
    verdict, wait = failed.verdict, _wait(grant, failed, now)
    token_store.postpone(grant, verdict.fault, until=now + wait, is_answer_lost=failed.is_answer_lost, now=now)
    if verdict.fault is Fault.RATE_LIMITED:
        pacing.rest(grant.provider_id, verdict.retry_after, now=now)
    if incident_brake.after_failure(grant, verdict, now=now) is None:
        told = {"fault": verdict.fault, "reason": verdict.reason}
        log.warning("refresh failed", connection_id=str(grant.connection_id), **told)
    raise ProviderUnavailable(wait)


def rest_of(grant: StoredGrant, *, now: datetime) -> timedelta | None:
    """How long a grant whose refresh has failed is left alone; None where it may be asked about.

    A refresh that is under way can be waited for, and after a lost answer the token we hold dies with the grace.
    """
    if not grant.failures or grant.refresh_due_at is None or grant.refresh_due_at <= now:
        return None
    is_under_way = grant.lease_until is not None and grant.lease_until > now
    is_urgent = grant.is_interrupted and grant.failures <= QUICK_TRIES and refresh_means.grace_of(grant) is not None
    return None if is_under_way or is_urgent else grant.refresh_due_at - now


def _hold(grant: StoredGrant, verdict: Verdict, now: datetime) -> NoReturn:
    """Neither condemned nor forgotten: asked again with growing patience, until the incident is over or released."""
    wait = _backoff(grant, verdict)
    token_store.postpone(grant, verdict.fault, until=now + wait, is_answer_lost=grant.is_interrupted, now=now)
    raise ProviderUnavailable(wait)


@transaction
def _condemn(refused: Refused, now: datetime) -> str:
    """Returns the reason that people are told."""
    grant, verdict = refused.grant, refused.failed.verdict
    is_suspicious = reuse_alarms.is_due(grant, verdict.fault, now=now)
    reason = reuse_alarms.REASON if is_suspicious else _reason(grant, verdict)
    if grants.give_up(grant.connection_id, grant.generation, reason, now=now) and is_suspicious:
        reuse_alarms.raise_for(grant, now=now)
    return reason


def _reason(grant: StoredGrant, verdict: Verdict) -> str:
    """What people are told; a key or our app's own secret cannot be lost with an answer, so there nothing was."""
    if offers.is_service(grant.provider_id):
        return KEY_REFUSED.format(reason=verdict.reason)
    return INTERRUPTED if grant.is_interrupted else verdict.reason


def _wait(grant: StoredGrant, failed: OAuthFailed, now: datetime) -> timedelta:
    """The usual back-off; after a lost answer sooner, for the token we hold dies with the provider's grace, or has.

    During an incident it does not grow: whoever is tried next is not to have been put off for an hour.
    """
    wait, grace = _backoff(grant, failed.verdict), refresh_means.grace_of(grant)
    if failed.is_answer_lost and grant.failures < QUICK_TRIES:
        return min(wait, grace / 6 if grace else TOLD_SOON)
    incident = provider_watch.of(grant.provider_id, now).incident
    if incident is not None and failed.verdict.retry_after is None:
        return min(wait, incident_rules.held_for(jitter=freshness.jitter_of(grant.connection_id)))
    return wait


def _backoff(grant: StoredGrant, verdict: Verdict) -> timedelta:
    jitter = freshness.jitter_of(f"{grant.connection_id}:{grant.failures}")
    return freshness.backoff(grant.failures + 1, jitter=jitter, retry_after=verdict.retry_after)
