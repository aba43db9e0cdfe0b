"""Rejections: what backends saw when they used a token, judged, and where a refresh can cure it, cured.

A report costs the provider one call a generation at most (`rules.rejections`), however many come at once: whoever notes
it first decides what it leads to (services/rejection_notes.py), and a refresh is shared as always.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.rules import freshness
from portal.rules import rejections as rules
from portal.rules.answers import Answer
from portal.rules.faults import classify
from portal.rules.problems import (
    InvalidRequest,
    ProviderNotConfigured,
    ReconsentRequired,
)
from portal.rules.rejections import Step
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault, FaultAction, Phase, Verdict
from portal.services import (
    condemning,
    incident_brake,
    key_uses,
    refresh_means,
    refreshing,
    rejection_notes,
    token_store,
    tokens,
    unreadable,
)
from portal.services.asker import Asker
from portal.services.rejection_notes import Standing
from portal.services.token_store import StoredGrant
from portal.services.tokens import FreshToken

REFUSED = Verdict(Fault.REVOKED, FaultAction.RECONSENT, "The provider no longer accepts the access token.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an API answered to a backend that used the token of this generation; `body` is a text or a JSON value."""

    generation: int
    status: int
    headers: Mapping[str, str]
    body: object


@dataclass(frozen=True, slots=True)
class Outcome:
    """What it means and what to do; `token` where there is a newer one, `retry_after` where waiting is all."""

    fault: Fault
    action: FaultAction
    token: FreshToken | None = None
    retry_after: timedelta | None = None


def report(asker: Asker, connection_id: UUID, seen: Seen, *, now: datetime) -> Outcome:
    """What a rejection means, and a newer token where there is one or a refresh brings one.

    Raises NotFound, InvalidRequest about `generation`, ReconsentRequired where only the member can help, and
    ProviderUnavailable while the provider cannot be asked.
    """
    while True:  # until nobody else has written down a report between our look and our note
        standing = rejection_notes.look(asker, connection_id)
        verdict = _judged(standing.grant, seen)
        if seen.generation != standing.grant.generation:
            return _of_another_generation(asker, standing.grant, seen, verdict, now=now)
        step = _step(standing, verdict, now)
        is_quiet = not _is_worth_noting(standing, verdict, step)
        if is_quiet or rejection_notes.write(asker, standing, verdict, step, now=now):
            return _done(asker, standing, verdict, step, now=now)


def _judged(grant: StoredGrant, seen: Seen) -> Verdict:
    provider = refresh_means.provider_of(grant)
    answer = Answer(Phase.API, seen.status, seen.headers, seen.body)
    return oauth.judged(provider, answer) if provider else classify(answer)


def _of_another_generation(asker: Asker, grant: StoredGrant, seen: Seen, verdict: Verdict, *, now: datetime) -> Outcome:
    """Somebody has renewed it meanwhile: the current token is what the backend needs."""
    if seen.generation > grant.generation:
        newest = f"No token of generation {seen.generation} was ever given out; the newest is {grant.generation}."
        raise InvalidRequest({"generation": newest})
    token = tokens.fresh_access_token(asker, grant.connection_id, now=now)
    _count(asker, grant, now)
    is_cured = verdict.fault in rules.ABOUT_CREDENTIALS
    action = FaultAction.REFRESH if is_cured else verdict.action
    return Outcome(verdict.fault, action, token, verdict.retry_after)


def _step(standing: Standing, verdict: Verdict, now: datetime) -> Step:
    grant, can_renew = standing.grant, refresh_means.is_possible(standing.grant)
    step = rules.next_step(standing.noted, grant.generation, verdict, can_renew=can_renew, now=now)
    if step is not Step.TELL and grant.state is not ConnectionState.ACTIVE:
        raise ReconsentRequired(refreshing.why(grant.state, grant.state_reason), grant.state_since)
    is_over = not freshness.is_fresh(grant.access_expires_at, now=now, min_ttl=timedelta(0))
    if step is not Step.TELL and is_over and not can_renew:
        raise ReconsentRequired(refreshing.NO_REFRESH, grant.access_expires_at or now)
    return Step.JOIN if step is Step.REST and is_over else step  # no wonder it was refused: any request renews it


def _is_worth_noting(standing: Standing, verdict: Verdict, step: Step) -> bool:
    """What may cost the provider a call, and what an admin wants to find in the connection's history."""
    if step is Step.TELL:
        return verdict.fault is Fault.SCOPE_MISSING and standing.is_first
    return step in (Step.REFRESH, Step.PROBE)


def _done(asker: Asker, standing: Standing, verdict: Verdict, step: Step, *, now: datetime) -> Outcome:
    if step is Step.TELL:
        return Outcome(verdict.fault, verdict.action, retry_after=verdict.retry_after)
    if step in (Step.REFRESH, Step.JOIN):
        token = tokens.handed_out(_renewed(standing.grant, now), now)
        _count(asker, standing.grant, now)
        return Outcome(verdict.fault, FaultAction.REFRESH, token)
    if step is Step.PROBE:
        _condemn_if_dead(standing.grant, now)
    return Outcome(verdict.fault, rules.action_at_rest(verdict), retry_after=_rest(standing, step, now))


def _renewed(grant: StoredGrant, now: datetime) -> StoredGrant:
    """Newer tokens; where none can be had, those that were reported are given to nobody any more either."""
    try:
        return refreshing.refreshed(grant, now)
    except ReconsentRequired as ended:
        condemning.withhold(grant, now=now)
        raise ended from None


def _condemn_if_dead(grant: StoredGrant, now: datetime) -> None:
    """The provider's own answer counts, not the report; and many refused at once are the provider's trouble."""
    if not _is_dead(grant, now):
        return
    token_store.note_fault(grant, REFUSED.fault, now=now)
    incident = incident_brake.after_failure(grant, REFUSED, now=now)
    if not incident_brake.holds(grant, incident) and condemning.dead(grant, REFUSED.reason, now=now):
        raise ReconsentRequired(REFUSED.reason, now)


def _is_dead(grant: StoredGrant, now: datetime) -> bool:
    """Whether the provider says that it does not know the token; an answer that tells nothing is no such answer."""
    with unreadable.told(grant, now=now):
        token = grant.secret("access_token")
    try:
        provider, app = refresh_means.at(grant.provider_id, grant.connection_id)
        return token is None or not oauth.is_alive(provider, app, token, now=now)
    except (OAuthFailed, ProviderNotConfigured) as unknown:
        log.info("a report could not be proved", connection_id=str(grant.connection_id), why=type(unknown).__name__)
        return False


def _rest(standing: Standing, step: Step, now: datetime) -> timedelta:
    rest = standing.noted if step is Step.REST and standing.noted else rejection_notes.to_note(standing, step, now)
    return rest.rests_until - now


def _count(asker: Asker, grant: StoredGrant, now: datetime) -> None:
    if asker.key_id is not None:
        key_uses.note(asker.key_id, grant.connection_id, grant.organization_id, now)
