"""Organizations: made by an operator's command, which also invites the first admin."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.db import db, reading, transaction
from portal.models import Organization
from portal.models.columns import new_id
from portal.rules.names import SLUG_MAX, clean_email, clean_organization_name, slug_of
from portal.rules.problems import InvalidRequest, OrganizationUnknown
from portal.rules.roles import Role
from portal.rules.zones import is_known_zone
from portal.services import audit, invitations
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.races import settled

ROOM_FOR_NUMBER = 6
NAMED_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class CreatedOrganization:
    """A new organization by its two names: the id, and the slug that commands take."""

    id: UUID
    slug: str
    namesake: str | None  # the slug of another one whose name is alike


@dataclass(frozen=True, slots=True)
class OrganizationView:
    """An organization as commands see it."""

    id: UUID
    slug: str
    name: str


def create(name: str, *, admin_email: str, time_zone: str = "UTC", now: datetime) -> CreatedOrganization:
    """Make a tenant and invite its first admin; raises InvalidRequest about `name`, `email` or `time_zone`.

    A name that is taken gets a number behind its slug; two that are made at once do not get the same one.
    """
    if not is_known_zone(time_zone):
        raise InvalidRequest({"time_zone": "Use the name of a time zone, such as Europe/Berlin."})
    cleaned, address = clean_organization_name(name), clean_email(admin_email)
    return settled(lambda: _create(cleaned, address, time_zone, now))


@reading
def by_slug(slug: str) -> OrganizationView:
    """The organization of that slug; raises OrganizationUnknown where there is none."""
    found = db.session.scalar(select(Organization).where(Organization.slug == slug.strip().lower()))
    if found is None:
        raise OrganizationUnknown(f"{slug!r}. {_those_known()}")
    return OrganizationView(found.id, found.slug, found.name)


def command_asker(slug: str) -> Asker:
    """An operator's command acting for the organization of that slug; raises OrganizationUnknown."""
    return Asker.command(by_slug(slug).id)


def _those_known() -> str:
    """For an operator who mistyped one."""
    known = db.session.scalars(select(Organization.slug).order_by(Organization.slug).limit(NAMED_AT_MOST + 1)).all()
    more = ", ..." if len(known) > NAMED_AT_MOST else ""
    return f"Known here: {', '.join(known[:NAMED_AT_MOST])}{more}." if known else "There is none yet."


@transaction
def _create(name: str, admin_email: str, time_zone: str, now: datetime) -> CreatedOrganization:
    wanted = slug_of(name)
    organization = Organization(id=new_id(), slug=_free_slug(wanted), name=name, time_zone=time_zone, created_at=now)
    db.session.add(organization)
    db.session.flush()
    asker = Asker.command(organization.id)
    audit.record(asker, EventKind.ORGANIZATION_CREATED, now=now, name=name, slug=organization.slug)
    invitations.invite_person(asker, email=admin_email, name="", role=Role.ORG_ADMIN, team=None, now=now)
    return CreatedOrganization(organization.id, organization.slug, wanted if organization.slug != wanted else None)


def _free_slug(wanted: str) -> str:
    stem = wanted[: SLUG_MAX - ROOM_FOR_NUMBER]
    taken = set(db.session.scalars(select(Organization.slug).where(Organization.slug.startswith(stem))))
    numbered = (f"{stem}-{number}" for number in range(2, len(taken) + 3))
    return wanted if wanted not in taken else next(slug for slug in numbered if slug not in taken)
