"""Several e-mails to one person under way at the same time: the one that arrives last signs in, and no other."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.db import db
from portal.models import LoginLink
from portal.models.email import EmailKind
from portal.services import emails, login_links, outgoing, sign_in
from tests.factories import NOON, Person, World
from tests.mail_sink import Sink
from tests.outbox import deliver_due, links_of, make_reminded, sweep
from tests.patience import eventually

MINUTE = timedelta(minutes=1)


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def queue(person: Person, kind: EmailKind) -> int:
    return emails.queue(person.organization_id, person.id, kind, now=NOON, place="/connections")


def under_way(person: Person, kind: EmailKind) -> UUID:
    """The link of a mail that a worker has in its hands."""
    (one,) = outgoing.prepare([queue(person, kind)], kind, now=NOON)
    assert one.link is not None
    return one.link.id


def live_links(person: Person) -> list[UUID]:
    return [link.id for link in links_of(person) if link.superseded_at is None]


def are_live(smtp: Sink) -> list[bool]:
    """Whether each mail's link works, in the order in which the mails arrived."""
    texts = [str(mail.get_body(("plain",)).get_content()) for mail in smtp.taken]  # type: ignore[union-attr]
    looks = [sign_in.look(words.split("/login/")[1].split()[0], now=NOON + MINUTE) for words in texts]
    return [look is not None and look.is_live for look in looks]


@pytest.mark.both_databases
def test_of_two_mails_in_one_batch_the_last_to_arrive_signs_in(context: Flask, world: World, smtp: Sink) -> None:
    queue(world.ana, EmailKind.INVITATION)
    queue(world.ana, EmailKind.SIGN_IN)
    deliver_due(NOON)
    assert are_live(smtp) == [False, True]


@pytest.mark.both_databases
def test_a_reminder_and_a_sign_in_that_waited_for_the_server_leave_one_way_in(
    context: Flask, world: World, smtp: Sink
) -> None:
    make_reminded(world.ana, ends_in=timedelta(days=9))
    queue(world.ana, EmailKind.SIGN_IN)
    sweep(NOON)
    assert are_live(smtp) == [False, True]


@pytest.mark.both_databases
def test_of_two_workers_mails_the_one_noted_last_signs_in(context: Flask, world: World) -> None:
    older, newer = under_way(world.ana, EmailKind.INVITATION), under_way(world.ana, EmailKind.SIGN_IN)
    for last in (newer, older, newer):
        login_links.supersede_others(world.ana.id, last, now=NOON)
        assert live_links(world.ana) == [last]


@pytest.mark.postgresql
def test_two_mails_noted_at_the_same_moment_leave_one_live_link(context: Flask, world: World) -> None:
    first, second, third = (under_way(world.ana, EmailKind.SIGN_IN) for _ in range(3))
    login_links.supersede_others(world.ana.id, third, now=NOON)

    def note(link_id: UUID) -> None:
        with context.app_context():
            login_links.supersede_others(world.ana.id, link_id, now=NOON)

    with db.engine.connect() as holding, ThreadPoolExecutor(2) as pool:
        holding.execute(select(LoginLink.id).where(LoginLink.id == third).with_for_update())
        notes = [pool.submit(note, link_id) for link_id in (first, second)]
        assert eventually(lambda: waiting() == 2)
        holding.rollback()
        for noted in notes:
            noted.result()
    assert len(live_links(world.ana)) == 1


def waiting() -> int:
    """How many statements wait for somebody's lock."""
    with db.engine.connect() as looking:
        here = "FROM pg_stat_activity WHERE datname = current_database()"
        return int(looking.execute(text(f"SELECT count(*) {here} AND wait_event_type = 'Lock'")).scalar_one())
