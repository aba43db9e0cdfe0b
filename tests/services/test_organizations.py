"""Organizations are made by an operator, with an admin who can come in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Email, Event, Member, Organization
from portal.models.email import EmailKind
from portal.rules.problems import InvalidRequest, OrganizationUnknown
from portal.rules.roles import Role
from portal.services import organizations
from portal.services.audit import EventKind
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases


def test_a_new_organization_has_an_admin_who_is_invited(context: Flask) -> None:
    made = organizations.create("Ácme & Co", admin_email="Chloe.Chen@acme.example", time_zone="Europe/Berlin", now=NOON)
    assert made.slug == "acme-co"
    with_admin(made.slug)


@reading
def with_admin(slug: str) -> None:
    organization = db.session.query(Organization).filter_by(slug=slug).one()
    admin = db.session.query(Member).filter_by(organization_id=organization.id).one()
    mail = db.session.query(Email).filter_by(member_id=admin.id).one()
    assert (organization.time_zone, organization.reminder_lead_days) == ("Europe/Berlin", 14)
    assert (admin.email, admin.name, admin.role) == ("chloe.chen@acme.example", "Chloe Chen", Role.ORG_ADMIN)
    assert (mail.kind, mail.place) == (EmailKind.INVITATION, "/")
    kinds = {event.kind for event in db.session.query(Event).filter_by(organization_id=organization.id)}
    assert {EventKind.ORGANIZATION_CREATED, EventKind.MEMBER_ADDED, EventKind.MEMBER_INVITED} <= kinds


def test_a_taken_name_gets_a_number(context: Flask, world: World) -> None:
    slugs = [organizations.create("Acme", admin_email="x@acme.example", now=NOON).slug for _ in range(2)]
    assert slugs == ["acme-2", "acme-3"]


def test_a_long_taken_name_still_has_a_slug_of_its_own(context: Flask) -> None:
    slugs = {organizations.create("x" * 90, admin_email="x@acme.example", now=NOON).slug for _ in range(3)}
    assert len(slugs) == 3
    assert max(map(len, slugs)) <= 48


def test_organizations_made_at_once_do_not_share_a_slug(app: Flask) -> None:
    def make(number: int) -> str:
        with app.app_context():
            return organizations.create("Initech", admin_email=f"a{number}@initech.example", now=NOON).slug

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(make, range(8)))) == 8


@pytest.mark.parametrize(
    ("name", "admin_email", "time_zone", "field"),
    [
        ("", "x@acme.example", "UTC", "name"),
        ("x" * 101, "x@acme.example", "UTC", "name"),
        ("Acme", "x", "UTC", "email"),
        ("Acme", "x@acme.example", "Mars/Olympus", "time_zone"),
        ("Acme", "x@acme.example", "../etc/passwd", "time_zone"),
    ],
)
def test_wrong_words_are_refused_and_nothing_is_made(
    name: str, admin_email: str, time_zone: str, field: str, context: Flask
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        organizations.create(name, admin_email=admin_email, time_zone=time_zone, now=NOON)
    assert list(refused.value.errors) == [field]
    assert reading(lambda: db.session.query(Organization).count())() == 0


def test_a_slug_leads_to_its_organization_and_to_no_other(context: Flask, world: World) -> None:
    assert organizations.by_slug(" Acme ").id == world.acme
    assert organizations.command_asker("globex").organization_id == world.globex
    with pytest.raises(OrganizationUnknown):
        organizations.by_slug("acme-2")
