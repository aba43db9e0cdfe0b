"""What admins are told once a week of everything that needs somebody."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask

from portal.models.email import EmailKind
from portal.rules.roles import Role
from portal.rules.status import ConnectionState
from portal.services import digests, emails
from tests.factories import NOON, World, make_connection, make_member, make_organization
from tests.links import change_member
from tests.mail_sink import Sink
from tests.outbox import deliver_due, outbox, set_policy

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MONDAY = NOON + 6 * DAY  # the first after the world began, at noon
OPENING = MONDAY - 4 * HOUR

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("smtp")]  # before the portal that sends through it


def some_need_somebody(world: World) -> None:
    """Two end within the lead, one has ended, one needs reconsent; on Monday, that is."""
    for days in (10, 19, 5, 90):
        make_connection(world.ana, nickname=f"in {days} days", consent_ends_in=days * DAY)
    make_connection(world.ben, state=ConnectionState.NEEDS_RECONSENT, consent_ends_in=-DAY)
    make_connection(world.ben, state=ConnectionState.DISCONNECTED, consent_ends_in=None)


def test_every_active_admin_gets_one_on_monday_when_the_daytime_begins(
    world: World, smtp: Sink, context: Flask
) -> None:
    some_need_somebody(world)  # of whom admins alone are told
    other = make_member(world.acme, "Carl Core", "carl@acme.example", Role.ORG_ADMIN)
    gone = make_member(world.acme, "Gina Gone", "gina@acme.example", Role.ORG_ADMIN)
    change_member(gone, deactivated_at=NOON)
    assert digests.send_due(now=OPENING - MINUTE) == 0
    assert digests.send_due(now=OPENING) == 2
    deliver_due(OPENING)
    assert sorted(smtp.recipients) == sorted([world.chloe.email, other.email])
    mail = smtp.taken[0]
    assert mail["X-Reconsent-Kind"] == "admin_digest"
    assert mail["Subject"] == "Acme: 2 ending, 1 ended, 1 needs reconsent"
    assert "http://portal.example:8000/admin/connections" in mail.get_body(("plain",)).get_content()


def test_it_comes_once_a_week_however_many_look(app: Flask, world: World) -> None:
    with app.app_context():
        some_need_somebody(world)
    ready = Barrier(8)

    def look() -> int:
        with app.app_context():
            ready.wait()
            return digests.send_due(now=OPENING)

    with ThreadPoolExecutor(8) as pool:
        assert sum(one.result() for one in [pool.submit(look) for _ in range(8)]) == 1
    with app.app_context():
        assert [digests.send_due(now=OPENING + days * DAY) for days in range(15)] == [0] * 7 + [1] + [0] * 6 + [1]


def test_where_nothing_needs_anybody_none_is_sent(world: World, context: Flask) -> None:
    make_connection(world.ana, consent_ends_in=90 * DAY)
    make_connection(world.eve, consent_ends_in=DAY)
    assert digests.send_due(now=OPENING) == 1
    assert [(mail.member_id, mail.kind) for mail in outbox()] == [(world.eve.id, EmailKind.ADMIN_DIGEST)]
    make_connection(world.ana, consent_ends_in=DAY, now=OPENING)
    assert digests.send_due(now=OPENING + DAY) == 0, "the week has passed without one"


def test_a_monday_on_which_nothing_ran_is_made_up_for_in_the_next_daytime(world: World, context: Flask) -> None:
    some_need_somebody(world)
    assert digests.send_due(now=OPENING + 2 * DAY + 12 * HOUR) == 0, "on Wednesday evening"
    assert digests.send_due(now=OPENING + 3 * DAY) == 1
    assert digests.send_due(now=OPENING + 7 * DAY) == 1, "and the next comes on its Monday"


def test_an_organizations_own_clocks_decide(world: World, context: Flask) -> None:
    some_need_somebody(world)
    set_policy(world.acme, time_zone="Pacific/Auckland", window_opens_minute=9 * 60)
    opening = MONDAY.replace(hour=20) - DAY  # 09:00 in Auckland's summer
    assert digests.send_due(now=opening - MINUTE) == 0
    assert digests.send_due(now=opening) == 1


def test_a_new_organizations_first_comes_in_its_second_week(context: Flask) -> None:
    new = make_organization("Initech", "initech", now=MONDAY)
    admin = make_member(new, "Ida", "ida@initech.example", Role.ORG_ADMIN, now=MONDAY)
    make_connection(admin, consent_ends_in=DAY, now=MONDAY)
    assert [digests.send_due(now=MONDAY + days * DAY) for days in range(8)] == [0] * 7 + [1]


def test_one_whose_bell_the_queue_lost_is_rung_for_again(world: World, context: Flask) -> None:
    some_need_somebody(world)
    digests.send_due(now=OPENING)
    assert [len(batch.email_ids) for batch in emails.due_batches(now=OPENING + MINUTE)] == [1]
