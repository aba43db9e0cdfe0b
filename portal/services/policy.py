"""An organization's policy: when its people are reminded, and how long a consent counts where no provider says so."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from portal.db import db, reading, transaction
from portal.models import Organization
from portal.quick import QuickSelect, Reader
from portal.rules.problems import InvalidRequest
from portal.rules.reminders import ReminderPolicy, validate_policy
from portal.services import audit, races
from portal.services.asker import Asker
from portal.services.audit import EventKind

MIDNIGHT = 24 * 60  # as the end of a day, in minutes
LONGEST_PERIOD_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class PolicyView:
    """What an organization has decided; `policy_period_days` None: where a provider states no end there is none."""

    policy: ReminderPolicy
    policy_period_days: int | None


def policy_of(organization: Organization) -> ReminderPolicy:
    """The reminder policy that an organization's row holds."""
    return ReminderPolicy(
        lead_days=organization.reminder_lead_days,
        rhythm_days=organization.reminder_rhythm_days,
        window_opens=_time_of_day(organization.window_opens_minute),
        window_closes=_time_of_day(organization.window_closes_minute),
        time_zone=organization.time_zone,
    )


def held_policies(organization_ids: Iterable[UUID]) -> Mapping[UUID, ReminderPolicy]:
    """The policies of these, which stay until the transaction around us ends: a change waits for us, or we for it.

    Whoever plans by a policy asks for it here. Nobody else has to wait for a change.
    """
    wanted = select(Organization).where(Organization.id.in_(organization_ids)).order_by(Organization.id)
    held = wanted.with_for_update(read=True).execution_options(populate_existing=True)
    return {organization.id: policy_of(organization) for organization in db.session.scalars(held)}


_LEAD_DAYS = QuickSelect(select(Organization.reminder_lead_days).where(Organization.id == bindparam("id")))


def lead_of(asker: Asker, reader: Reader) -> timedelta:
    """The length of the reminder window of the asker's organization."""
    row = reader.first(_LEAD_DAYS, {"id": asker.organization_id})
    return timedelta(days=row[0] if row else 0)


@reading
def of_asker(asker: Asker) -> PolicyView:
    """The policy of the asker's organization."""
    organization = db.session.get_one(Organization, asker.organization_id)
    return PolicyView(policy_of(organization), organization.policy_period_days)


def change(asker: Asker, policy: ReminderPolicy, *, policy_period_days: int | None, now: datetime) -> None:
    """Decide anew; every series of reminders goes on by the new policy. Raises InvalidRequest about the wrong fields.

    A new period counts for consents that were given already, too: their ends and reminders move with it.
    """
    _refuse_wrong(policy, policy_period_days)
    races.settled(lambda: _change(asker, policy, policy_period_days, now))


@transaction
def _change(asker: Asker, policy: ReminderPolicy, policy_period_days: int | None, now: datetime) -> None:
    from portal.services import policy_period, reminders  # these two ask this module what the policy is

    organization = _locked(asker.organization_id)
    before = PolicyView(policy_of(organization), organization.policy_period_days)
    if before == PolicyView(policy, policy_period_days):
        return
    _write(organization, policy, policy_period_days)
    db.session.flush()
    reminders.replan_organization(asker, now=now)
    if before.policy_period_days != policy_period_days:
        policy_period.apply(asker, policy_period_days, now=now)
    audit.record(asker, EventKind.POLICY_CHANGED, now=now, **_facts(policy, policy_period_days))


def _refuse_wrong(policy: ReminderPolicy, policy_period_days: int | None) -> None:
    errors = validate_policy(policy)
    if policy_period_days is not None and not 1 <= policy_period_days <= LONGEST_PERIOD_DAYS:
        errors["policy_period_days"] = f"Choose between 1 and {LONGEST_PERIOD_DAYS:,} days, or leave it empty."
    if errors:
        raise InvalidRequest(errors)


def _locked(organization_id: UUID) -> Organization:
    """The organization's row, held until the transaction ends: two admins who save at once come one after the other.

    By PostgreSQL's weaker lock: the stronger would keep everybody waiting who writes a row that belongs to it.
    """
    own = select(Organization).where(Organization.id == organization_id)
    return db.session.scalars(own.with_for_update(key_share=True)).one()


def _write(organization: Organization, policy: ReminderPolicy, policy_period_days: int | None) -> None:
    organization.reminder_lead_days = policy.lead_days
    organization.reminder_rhythm_days = policy.rhythm_days
    organization.window_opens_minute = _minute_of_day(policy.window_opens)
    organization.window_closes_minute = _minute_of_day(policy.window_closes)
    organization.time_zone = policy.time_zone
    organization.policy_period_days = policy_period_days


def _facts(policy: ReminderPolicy, policy_period_days: int | None) -> dict[str, Any]:
    return {
        "lead_days": policy.lead_days,
        "rhythm_days": policy.rhythm_days,
        "window": f"{policy.window_opens:%H:%M}-{policy.window_closes:%H:%M}",
        "time_zone": policy.time_zone,
        "policy_period_days": policy_period_days,
    }


def _time_of_day(minute: int) -> time:
    return time(minute // 60, minute % 60) if minute < MIDNIGHT else time.max


def _minute_of_day(at: time) -> int:
    return MIDNIGHT if at == time.max else at.hour * 60 + at.minute
