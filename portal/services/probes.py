"""Probes: asking a provider whether the tokens still live, where nothing else would notice that they have died.

A provider is asked outside of any transaction, as for a refresh. Only what it says about the tokens changes anything,
and only while they are those that were shown: whoever has replaced them meanwhile is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.extensions import catalog, run_side_by_side
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.rules import freshness
from portal.rules import incidents as incident_rules
from portal.rules import probes as rules
from portal.rules.comparison import SharedAccount
from portal.rules.probes import Step
from portal.rules.problems import ProviderNotConfigured, ProviderUnavailable, ReconsentRequired
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault, FaultAction, Verdict
from portal.services import (
    condemning,
    incident_brake,
    probe_findings,
    probe_plans,
    provider_watch,
    refresh_means,
    refreshing,
    token_store,
    unreadable,
)
from portal.services.probe_plans import Asked
from portal.services.token_store import StoredGrant

BATCH = 48
WIDTH = 16  # three rounds a batch: even a provider that keeps every caller waiting holds up one worker for a minute
CLAIM_LASTS = timedelta(minutes=10)
GOOD = Verdict(Fault.OK, FaultAction.NONE, "")
FOREIGN = Verdict(Fault.REVOKED, FaultAction.RECONSENT, condemning.ANOTHER_LOGIN)

plan_missing = probe_plans.plan_missing
last_checked_at = probe_plans.last_checked_at

log = structlog.get_logger(__name__)


def claim_due_batches(*, now: datetime) -> tuple[tuple[UUID, ...], ...]:
    """Connections to ask about now. Each provider has at most one batch out, so that a sick one delays no other.

    One that is in trouble, or has asked for a rest, is not bothered with questions that can wait.
    """
    if not probe_plans.is_anything_due(now):
        return ()
    until = now + CLAIM_LASTS
    well = (provider_id for provider_id in catalog().apps if not _is_hindered(provider_id, now))
    claimed = (probe_plans.claim(provider_id, now=now, until=until, most=BATCH) for provider_id in well)
    return tuple(batch for batch in claimed if batch)


def _is_hindered(provider_id: str, now: datetime) -> bool:
    watched = provider_watch.of(provider_id, now)
    is_down = watched.incident is not None and incident_rules.breaks_the_circuit(watched.incident.fault)
    return is_down or watched.is_resting(now)


def probe_batch(connection_ids: Sequence[UUID], *, now: datetime) -> int:
    """Ask about these, several at a time; returns how many live. A provider that tells nothing is asked no further."""
    alive, waiting = 0, probe_plans.read(connection_ids)
    while waiting:
        some, waiting = waiting[:WIDTH], waiting[WIDTH:]
        steps = run_side_by_side(lambda one: _probe(one, now), some, width=WIDTH)
        alive += steps.count(Step.ALIVE)
        if set(steps) == {Step.WAIT}:
            _leave(waiting, now)
            break
    return alive


def _leave(waiting: Sequence[Asked], now: datetime) -> None:
    for asked in waiting:
        wait = rules.backoff(1, jitter=freshness.jitter_of(asked.connection_id), retry_after=None)
        probe_plans.put_off(asked, until=now + wait, is_failure=False)


@dataclass(frozen=True, slots=True)
class _Probing:
    """One connection being asked about; `is_refreshed`: by tokens that were got only a moment ago."""

    asked: Asked
    provider: Provider
    app: ProviderApp
    grant: StoredGrant
    now: datetime
    is_refreshed: bool = False

    def refreshed(self) -> "_Probing":
        """The same by newer tokens; raises ReconsentRequired or ProviderUnavailable."""
        return replace(self, grant=refreshing.refreshed(self.grant, self.now), is_refreshed=True)


def _probe(asked: Asked, now: datetime) -> Step:
    grant = token_store.read(asked.connection_id)
    if grant is None or grant.state is not ConnectionState.ACTIVE:
        probe_plans.stop(asked)
        return Step.GIVE_UP
    try:
        provider, app = refresh_means.at(grant.provider_id, grant.connection_id)
    except ProviderNotConfigured:
        return _wait(asked, None, now)
    probing = _Probing(asked, provider, app, grant, now)
    try:
        return _look(probing if _is_fresh(grant, now) else probing.refreshed())
    except ReconsentRequired:
        probe_plans.stop(asked)  # whoever refreshed has seen to it that the member is told
        return Step.GIVE_UP
    except ProviderUnavailable as away:
        return _wait(asked, away.retry_after, now)


def _is_fresh(grant: StoredGrant, now: datetime) -> bool:
    is_there = grant.access_token is not None
    return is_there and freshness.is_fresh(grant.access_expires_at, now=now, min_ttl=freshness.DEFAULT_MIN_TTL)


def _look(probing: _Probing) -> Step:
    verdict, subject = _ask(probing)
    can_refresh = refresh_means.is_possible(probing.grant)
    step = rules.step_after(verdict, can_refresh=can_refresh, is_just_refreshed=probing.is_refreshed)
    match step:
        case Step.REFRESH:
            return _look(probing.refreshed())
        case Step.ALIVE:
            return _alive(probing, subject)
        case Step.GIVE_UP:
            return _given_up(probing, verdict)
        case Step.REFUSED:
            probe_findings.tell_refused(probing.grant, now=probing.now)
    log.info("probe", connection_id=str(probing.grant.connection_id), fault=verdict.fault, reason=verdict.reason)
    return _wait(probing.asked, verdict.retry_after, probing.now)


def _ask(probing: _Probing) -> tuple[Verdict, str | None]:
    with unreadable.told(probing.grant, now=probing.now):
        token = probing.grant.secret("access_token")
    if token is None:
        raise ReconsentRequired(refreshing.NO_REFRESH, probing.now)
    try:
        return GOOD, oauth.current_subject(probing.provider, probing.app, token, now=probing.now)
    except OAuthFailed as failed:
        return failed.verdict, None


def _alive(probing: _Probing, subject: str | None) -> Step:
    grant, now = probing.grant, probing.now
    if subject is not None and grant.subject is None:
        probe_findings.learn_subject(grant.connection_id, subject, now=now)
    elif subject not in (None, grant.subject):
        return _anothers(probing)
    if grant.last_fault is not None and not refresh_means.is_possible(grant):
        probe_findings.clear_fault(grant)
        incident_brake.after_success(grant, now=now)
    accounts = _accounts(probing)
    if accounts is not None:
        probe_findings.note_accounts(grant, accounts, is_first=probing.asked.last_ok_at is None, now=now)
    probe_plans.settle(probing.asked, due_at=_next_at(probing), now=now)
    return Step.ALIVE


def _anothers(probing: _Probing) -> Step:
    """At once and in any case, for these tokens would open somebody else's account; in an incident no member hears."""
    grant, now = probing.grant, probing.now
    token_store.note_fault(grant, FOREIGN.fault, now=now)
    incident_brake.after_failure(grant, FOREIGN, now=now)
    condemning.anothers(grant, now=now)
    return _settled_by_human(probing)


def _accounts(probing: _Probing) -> tuple[SharedAccount, ...] | None:
    """What the login shares now; None where that cannot be known: no list is no empty list."""
    token = probing.grant.secret("access_token")
    if probing.provider.accounts is None or token is None:
        return None
    try:
        return oauth.shared_accounts(probing.provider, probing.app, token)
    except OAuthFailed:
        return None


def _given_up(probing: _Probing, verdict: Verdict) -> Step:
    """Believed, unless many are refused at once: that is the provider's trouble, and waits for its end."""
    grant, now = probing.grant, probing.now
    token_store.note_fault(grant, verdict.fault, now=now)
    if incident_brake.holds(grant, incident_brake.after_failure(grant, verdict, now=now)):
        return _wait(probing.asked, verdict.retry_after, now)
    condemning.dead(grant, f"The provider refuses the token: {verdict.reason}.", now=now)
    return _settled_by_human(probing)


def _settled_by_human(probing: _Probing) -> Step:
    """Nothing more to ask, unless somebody replaced the tokens while we asked about those from before."""
    current = token_store.read(probing.grant.connection_id)
    if current is not None and current.state is ConnectionState.ACTIVE:
        until = rules.first_at(probing.now, jitter=freshness.jitter_of(current.connection_id))
        probe_plans.put_off(probing.asked, until=until, is_failure=False)
    else:
        probe_plans.stop(probing.asked)
    return Step.GIVE_UP


def _next_at(probing: _Probing) -> datetime | None:
    grant = probing.grant
    every = probe_plans.interval(probing.provider, has_refresh_token=grant.refresh_token is not None, life=grant.life)
    return rules.next_at(probing.now, every, jitter=freshness.jitter_of(grant.connection_id))


def _wait(asked: Asked, retry_after: timedelta | None, now: datetime) -> Step:
    jitter = freshness.jitter_of(f"{asked.connection_id}:{asked.failures}")
    wait = rules.backoff(asked.failures + 1, jitter=jitter, retry_after=retry_after)
    probe_plans.put_off(asked, until=now + wait)
    return Step.WAIT
