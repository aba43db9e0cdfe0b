"""The people an organization knows already, looked up by address: many at once, and cheaply."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.bulk import among
from portal.db import db
from portal.models import Member
from portal.rules.people import Person
from portal.rules.roles import Role
from portal.services.asker import Asker


@dataclass(frozen=True, slots=True)
class KnownMember:
    """A person as a file or a request may mean them."""

    id: UUID
    email: str
    name: str
    role: Role
    team: str | None
    invited_at: datetime | None
    last_signed_in_at: datetime | None
    deactivated_at: datetime | None


def by_email(asker: Asker, emails: Sequence[str]) -> dict[str, KnownMember]:
    """The organization's people with these addresses (in stored form), in the transaction around us."""
    columns = select(*(getattr(Member, field.name) for field in fields(KnownMember)))
    wanted = columns.where(Member.organization_id == asker.organization_id, among(db.session(), Member.email, emails))
    return {row.email: KnownMember(*row) for row in db.session.execute(wanted)}


def differences(member: Member | KnownMember, person: Person) -> dict[str, Any]:
    """What the row would have to say instead, by column."""
    wanted = {"name": person.name or member.name, "role": person.role, "team": person.team}
    return {name: value for name, value in wanted.items() if getattr(member, name) != value}
