"""Many people at once, each with a connection whose next reminder is due or about to be."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select

from portal.db import db, reading, transaction
from portal.models import Connection, Email, Member
from portal.models.columns import new_id
from portal.rules.reminders import ReminderPolicy
from portal.rules.roles import Role
from portal.rules.status import ConnectionState
from portal.services import policy, reminders
from portal.services.asker import Asker
from tests.factories import make_organization


@transaction
def make_crowd(count: int, *, name: str, ends_in: timedelta, now: datetime) -> list[str]:
    """So many members of a new organization, each with a connection that ends so soon; returns their addresses.

    Nobody has been reminded yet. No tokens: nothing but reminders is made for them.
    """
    organization_id = make_organization(name, name.lower(), now=now)
    people = [(new_id(), f"{name.lower()}-{number}@acme.example") for number in range(count)]
    db.session.execute(insert(Member), [_member(organization_id, *person, now) for person in people])
    connections = [_connection(organization_id, member_id, now, ends_in) for member_id, _ in people]
    db.session.add_all(connections)
    reminders.plan_many(connections, now=now, is_fresh=False)
    return [address for _, address in people]


@transaction
def keep_daytime(organization_id: UUID, wanted: ReminderPolicy, *, now: datetime) -> None:
    policy.change(Asker.command(organization_id), wanted, policy_period_days=None, now=now)


@reading
def statuses() -> dict[str, int]:
    """How many e-mails stand where."""
    rows = db.session.execute(select(Email.status, func.count()).group_by(Email.status))
    return {status.value: number for status, number in rows}


def _member(organization_id: UUID, member_id: UUID, address: str, now: datetime) -> dict[str, object]:
    facts = {"id": member_id, "organization_id": organization_id, "name": "Crowd Member", "email": address}
    return facts | {"role": Role.MEMBER, "created_at": now}


def _connection(organization_id: UUID, member_id: UUID, now: datetime, ends_in: timedelta) -> Connection:
    return Connection(
        id=new_id(),
        organization_id=organization_id,
        member_id=member_id,
        provider_id="demo-social",
        nickname="Page",
        state=ConnectionState.ACTIVE,
        state_since=now,
        consent_expires_at=now + ends_in,
        subject=new_id().hex,
        subject_label="Page (login)",
        created_at=now,
        connected_at=now,
        consented_at=now,
    )
