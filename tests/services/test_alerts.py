"""Admins are told each thing once."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Member
from portal.models.email import EmailKind
from portal.rules.roles import Role
from portal.services import alerts
from tests.factories import NOON, World, make_member
from tests.outbox import deliver_due, events, outbox

pytestmark = pytest.mark.both_databases

TITLE = "LinkedIn does not answer"


def raise_it(organization_id: UUID | None, key: str = "incident:1") -> int:
    return alerts.raise_once(
        key,
        organization_id,
        title=TITLE,
        sentence="Nobody's tokens are lost.",
        what_to_do="Wait for LinkedIn.",
        place="/admin/providers",
        now=NOON,
    )


def test_every_admin_of_the_organization_is_told_and_nobody_else(context: Flask, world: World) -> None:
    second = make_member(world.acme, "Zoe Zimmer", "zoe@acme.example", Role.ORG_ADMIN)
    assert raise_it(world.acme) == 1
    told = outbox()
    assert {email.member_id for email in told} == {world.chloe.id, second.id}
    assert {(email.kind, email.place, email.detail["title"]) for email in told} == {
        (EmailKind.ALERT, "/admin/providers", TITLE)
    }


def test_nothing_is_told_twice(context: Flask, world: World) -> None:
    assert (raise_it(world.acme), raise_it(world.acme)) == (1, 0)
    assert len(outbox()) == 1
    assert raise_it(world.acme, "incident:2") == 1


def test_all_organizations_are_told_except_those_that_were(context: Flask, world: World) -> None:
    raise_it(world.globex)
    assert raise_it(None) == 1
    assert [email.organization_id for email in outbox()] == [world.globex, world.acme]


def test_an_admin_who_was_deactivated_is_told_nothing(context: Flask, world: World) -> None:
    @transaction
    def deactivate() -> None:
        db.session.get_one(Member, world.chloe.id).deactivated_at = NOON

    deactivate()
    raise_it(world.acme)
    assert outbox() == []


def test_two_who_notice_at_once_tell_it_once(context: Flask, world: World) -> None:
    def notice(_: int) -> int:
        with context.app_context():
            return raise_it(None)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(notice, range(8))) == 2
    assert len(outbox()) == 2


def test_the_log_tells_what_the_admins_were_told(context: Flask, world: World) -> None:
    raise_it(world.acme)
    (event,) = events("alert:raised")
    assert (event.organization_id, event.facts) == (world.acme, {"title": TITLE})


def test_the_e_mail_can_be_delivered(context: Flask, world: World) -> None:
    raise_it(world.acme)
    assert deliver_due(NOON).sent == 1
