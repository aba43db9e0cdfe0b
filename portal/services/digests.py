"""The weekly digest: what every admin is told about all that ends, has ended, or waits for somebody.

A week is claimed on the organization's row, in the transaction that writes its e-mails: whoever else ticks finds it
taken. Nobody waits for them, so the sweep alone rings for them.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select, update

from portal.bulk import insert_rows
from portal.db import db, reading, rows_changed, transaction
from portal.models import Email, Organization
from portal.models.email import EmailKind
from portal.rules import digests as rules
from portal.rules.status import Status
from portal.services import alerts, overview
from portal.services.asker import Asker
from portal.services.policy import policy_of

PLACE = "/admin/connections"
TOLD = (Status.ENDING, Status.ENDED, Status.NEEDS_RECONSENT)


def send_due(*, now: datetime) -> int:
    """Queue the digest of each organization whose week has begun; returns how many e-mails that makes.

    Where there is nothing to tell the week passes without one.
    """
    return sum(_send(organization_id, week, _counts(organization_id, now), now) for organization_id, week in _due(now))


@reading
def _due(now: datetime) -> Sequence[tuple[UUID, date]]:
    told_before = or_(Organization.digest_week.is_(None), Organization.digest_week < rules.newest_week(now))
    candidates = db.session.scalars(select(Organization).where(told_before).order_by(Organization.id))
    weeks = ((one.id, rules.week_due(policy_of(one), last=_last_week(one), now=now)) for one in candidates)
    return [(organization_id, week) for organization_id, week in weeks if week is not None]


def _last_week(organization: Organization) -> date:
    """A new organization's first digest comes in the week after it was made."""
    return organization.digest_week or rules.week_of(organization.created_at, organization.time_zone)


def _counts(organization_id: UUID, now: datetime) -> Mapping[str, int]:
    counts = overview.of_organization(Asker.portal(organization_id), now=now).counts
    return {status.value: counts[status] for status in TOLD}


@transaction
def _send(organization_id: UUID, week: date, counts: Mapping[str, int], now: datetime) -> int:
    untold = or_(Organization.digest_week.is_(None), Organization.digest_week < week)
    claim = update(Organization).where(Organization.id == organization_id, untold).values(digest_week=week)
    if not rows_changed(claim) or not any(counts.values()):
        return 0
    shared = {"organization_id": organization_id, "kind": EmailKind.ADMIN_DIGEST, "place": PLACE} | {
        "detail": dict(counts),
        "created_at": now,
        "next_attempt_at": now,
    }
    rows = [shared | {"member_id": admin_id} for admin_id in alerts.admins_of(organization_id)]
    insert_rows(db.session(), Email, rows)
    return len(rows)
