"""New people of an organization: all that is wrong with what was entered about them, and adding them."""

from datetime import datetime
from uuid import UUID

from portal.db import db, insert_into, reading, transaction
from portal.models import Member
from portal.models.columns import new_id
from portal.rules import people
from portal.rules.names import normalize_email
from portal.rules.people import Person
from portal.rules.problems import InvalidRequest
from portal.services import audit, known_members
from portal.services.asker import Asker
from portal.services.audit import EventKind


@transaction
def add(asker: Asker, *, email: str, name: str, role: str, team: str | None, now: datetime) -> UUID:
    """A new person, who is not mailed; raises InvalidRequest about wrong fields and about an address that is taken.

    Without a name they are called by their address.
    """
    if wrong := _faults(asker, email, name, role, team):
        raise InvalidRequest(wrong)
    person = people.checked(email, name, role, team)
    member_id = _insert(asker, person, now)
    if member_id is None:
        raise InvalidRequest(_faults(asker, email, name, role, team))
    audit.record(asker, EventKind.MEMBER_ADDED, now=now, member_id=member_id, name=person.called, role=person.role)
    return member_id


def _insert(asker: Asker, person: Person, now: datetime) -> UUID | None:
    """The new row's id; None where somebody else has added the same address at the same moment."""
    adding = insert_into(Member).values(
        id=new_id(),
        organization_id=asker.organization_id,
        email=person.email,
        name=person.called,
        role=person.role,
        team=person.team,
        created_at=now,
    )
    unless_taken = adding.on_conflict_do_nothing(index_elements=["organization_id", "email"])
    return db.session.scalars(unless_taken.returning(Member.id)).one_or_none()


@reading
def faults(asker: Asker, *, email: str, name: str, role: str, team: str | None) -> dict[str, str]:
    """What is wrong with these fields of a new person, a sentence each: all that `add` would refuse, before it does."""
    return _faults(asker, email, name, role, team)


def _faults(asker: Asker, email: str, name: str, role: str, team: str | None) -> dict[str, str]:
    wrong = people.faults(email, name, role, team)
    address = normalize_email(email)
    known = known_members.by_email(asker, [address]).get(address)
    if known is None:
        return wrong
    state = "is deactivated here: reactivate them instead" if known.deactivated_at else "is a member already"
    return wrong | {"email": f"{known.name} has this address and {state}."}
