"""The incident brake: many like failures of one provider within minutes are the provider's trouble, not its members'.

While an incident is open no connection of that provider is condemned, and nobody is mailed about one that was; a
provider that is down, or refuses our app, is asked by a trial every few seconds only. The state stands in the database,
for there are many processes; a refresh that goes well writes to it only while an incident is open.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import func, select, update

from portal.db import NEVER, after_commit, db, insert_into, reading, rows_changed, transaction
from portal.models import DayBucket, Grant, Incident
from portal.models.columns import new_id
from portal.models.grant import IS_FAILING
from portal.models.incident import STILL_OPEN
from portal.rules import freshness
from portal.rules import incidents as rules
from portal.rules.problems import ProviderUnavailable
from portal.rules.status import HOLDING
from portal.rules.verdicts import Fault, Verdict
from portal.services import alerts, audit, offers, provider_watch, token_store
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.provider_watch import OpenIncident
from portal.services.token_store import StoredGrant

PLACE = "/admin/providers"
BROUGHT_BACK_AT_ONCE = 5_000

log = structlog.get_logger(__name__)


def check_may_ask(grant: StoredGrant, *, now: datetime) -> None:
    """Raise ProviderUnavailable while the provider is asked by trials only, unless this attempt becomes one."""
    incident = provider_watch.of(grant.provider_id, now).incident
    if incident is None or not rules.breaks_the_circuit(incident.fault):
        return
    if not _take_trial(incident.id, now):
        raise ProviderUnavailable(rules.TRIAL_EVERY)


def holds(grant: StoredGrant, incident: OpenIncident | None) -> bool:
    """Whether this connection must not be condemned now, whatever its provider says."""
    return incident is not None and grant.organization_id not in incident.released


def after_failure(grant: StoredGrant, verdict: Verdict, *, now: datetime) -> OpenIncident | None:
    """The provider's open incident after a failure that has been noted on the grant; it begins with one too many."""
    incident, fault = provider_watch.of(grant.provider_id, now).incident, rules.alike(verdict.fault)
    if fault is None:
        return incident
    if incident is not None:
        if fault is incident.fault or rules.breaks_the_circuit(fault):
            _note_failed(incident.id, verdict, now)
        return incident
    if _are_many(grant.provider_id, fault, now):
        _begin(grant.provider_id, fault, verdict.reason, now)
        return provider_watch.of(grant.provider_id, now).incident
    return None


def after_success(grant: StoredGrant, *, now: datetime) -> None:
    """Count a success against the provider's incident, if there is one; several of them end it."""
    incident = provider_watch.of(grant.provider_id, now).incident
    if incident is not None and rules.proves_healing(incident.fault, last_fault=grant.last_fault):
        _count_success(incident.id, now)


@transaction
def close_quiet(*, now: datetime) -> int:
    """End incidents of which nobody is left: nothing has failed for longer than any back-off lasts."""
    over = select(Incident.id).where(STILL_OPEN, Incident.last_failure_at < now - rules.QUIET)
    return sum(_heal(incident_id, now) for incident_id in db.session.scalars(over).all())


def own_connections(organization_id: UUID | None, provider_id: str) -> int:
    """How many connections hold a login at the provider, of one organization or of all, as the day buckets count."""
    counted = select(func.sum(DayBucket.connections)).where(
        DayBucket.provider_id == provider_id, DayBucket.state.in_(HOLDING)
    )
    if organization_id is not None:
        counted = counted.where(DayBucket.organization_id == organization_id)
    return db.session.scalar(counted) or 0


@transaction
def _take_trial(incident_id: UUID, now: datetime) -> bool:
    due = update(Incident).where(Incident.id == incident_id, STILL_OPEN, Incident.next_trial_at <= now)
    return _write(due.values(next_trial_at=now + rules.TRIAL_EVERY)) == 1


@transaction
def _note_failed(incident_id: UUID, verdict: Verdict, now: datetime) -> None:
    failed = update(Incident).where(Incident.id == incident_id, STILL_OPEN)
    next_at = now + rules.next_trial_in(verdict.retry_after)
    _write(failed.values(successes=0, last_failure_at=now, next_trial_at=next_at))


@reading
def _are_many(provider_id: str, fault: Fault, now: datetime) -> bool:
    alike = select(func.count()).where(
        Grant.provider_id == provider_id,
        Grant.last_fault.in_(sorted(rules.all_alike(fault))),
        Grant.last_fault_at > now - rules.window(fault),
        IS_FAILING,
    )
    least_failures = rules.failures_that_count(fault)
    if least_failures > 1:
        alike = alike.where(Grant.failures >= least_failures)
    failing = db.session.scalar(alike) or 0
    if failing < rules.threshold(fault, active=0):
        return False
    return failing >= rules.threshold(fault, active=own_connections(None, provider_id))


@transaction
def _begin(provider_id: str, fault: Fault, reason: str, now: datetime) -> None:
    """Open the incident once, whoever else is at it, or the latest one again if it seemed over a short while ago."""
    after_commit(provider_watch.forget)
    if _is_reopened(provider_id, fault, now):
        log.error("incident goes on", provider=provider_id, fault=fault)
        return
    opening = insert_into(Incident).values(
        id=new_id(),
        provider_id=provider_id,
        fault=fault,
        reason=reason[:200],
        began_at=now,
        last_failure_at=now,
        next_trial_at=now + rules.TRIAL_EVERY,
        successes=0,
    )
    one_a_provider = opening.on_conflict_do_nothing(index_elements=["provider_id"], index_where=STILL_OPEN)
    incident_id = db.session.scalar(one_a_provider.returning(Incident.id))
    if incident_id is not None:
        log.error("incident", provider=provider_id, fault=fault, reason=reason)
        _alert(incident_id, provider_id, fault, now)


def _is_reopened(provider_id: str, fault: Fault, now: datetime) -> bool:
    open_now = select(Incident.id).where(Incident.provider_id == provider_id, STILL_OPEN)
    if db.session.scalar(open_now) is not None:
        return False
    latest = select(Incident.id).where(Incident.provider_id == provider_id, Incident.fault == fault)
    latest_id = db.session.scalar(latest.order_by(Incident.began_at.desc()).limit(1))
    relapsed = update(Incident).where(Incident.id == latest_id, Incident.healed_at > now - rules.REOPENS_WITHIN)
    again = {"healed_at": None, "successes": 0, "last_failure_at": now, "next_trial_at": now + rules.TRIAL_EVERY}
    return _write(relapsed.values(again)) == 1


def _alert(incident_id: UUID, provider_id: str, fault: Fault, now: datetime) -> None:
    words = rules.alert_words(fault, offers.named(provider_id).name)
    for organization_id in _concerned(provider_id):
        alerts.raise_once(
            f"incident:{incident_id}",
            organization_id,
            title=words.title,
            sentence=words.sentence,
            what_to_do=words.what_to_do,
            place=PLACE,
            now=now,
        )


def _concerned(provider_id: str) -> Sequence[UUID]:
    """The organizations with connections at the provider."""
    holding = select(DayBucket.organization_id).where(
        DayBucket.provider_id == provider_id, DayBucket.state.in_(HOLDING), DayBucket.connections > 0
    )
    return db.session.scalars(holding.distinct().order_by(DayBucket.organization_id)).all()


@transaction
def _count_success(incident_id: UUID, now: datetime) -> None:
    counting = update(Incident).where(Incident.id == incident_id, STILL_OPEN)
    counted = counting.values(successes=Incident.successes + 1, next_trial_at=now)
    told = counted.returning(Incident.provider_id, Incident.successes).execution_options(synchronize_session=False)
    row = db.session.execute(told).first()
    if row is not None and row.successes >= rules.healed_by(active=own_connections(None, row.provider_id)):
        _heal(incident_id, now)


def _heal(incident_id: UUID, now: datetime) -> bool:
    """End the incident, once; those who failed come back spread out, and e-mails that waited leave with the sweep."""
    after_commit(provider_watch.forget)
    ending = update(Incident).where(Incident.id == incident_id, STILL_OPEN)
    ended = ending.values(healed_at=now).returning(Incident.provider_id, Incident.fault)
    row = db.session.execute(ended.execution_options(synchronize_session=False)).first()
    if row is None:
        return False
    log.info("incident over", provider=row.provider_id, fault=row.fault)
    for organization_id in _concerned(row.provider_id):
        name = offers.named(row.provider_id).name
        audit.record(Asker.portal(organization_id), EventKind.INCIDENT_HEALED, now=now, provider=name)
    bring_back(row.provider_id, None, now=now)
    return True


def bring_back(provider_id: str, organization_id: UUID | None, *, now: datetime) -> None:
    """Have those that failed tried again within two minutes instead of whenever their back-off ends."""
    failing = select(Grant.connection_id).where(Grant.provider_id == provider_id, IS_FAILING)
    if organization_id is not None:
        failing = failing.where(Grant.organization_id == organization_id)
    is_later = (Grant.refresh_due_at > now + 2 * rules.HELD_FOR) & (Grant.refresh_due_at < NEVER)
    later = failing.where(is_later).order_by(Grant.refresh_due_at)
    ids = db.session.scalars(later.limit(BROUGHT_BACK_AT_ONCE)).all()
    token_store.bring_forward({one: now + 2 * rules.HELD_FOR * freshness.jitter_of(one) for one in ids})


def _write(statement: object) -> int:
    return rows_changed(statement.execution_options(synchronize_session=False))  # type: ignore[attr-defined]
