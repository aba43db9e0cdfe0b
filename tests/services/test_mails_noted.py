"""The note that a server took a mail, or did not: written once, whoever else writes, and at no other mail's cost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text, update

from portal.db import db, transaction
from portal.models import LoginLink
from portal.models.email import EmailKind, EmailStatus
from portal.services import emails, reminders
from tests.factories import NOON, World
from tests.mail_sink import CUT, Sink
from tests.outbox import deliver_due, links_of, make_reminded, outbox
from tests.patience import eventually

MINUTE = timedelta(minutes=1)
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
ANOTHER = text("""
    INSERT INTO emails (organization_id, member_id, kind, status, detail, created_at, next_attempt_at, attempts)
    SELECT organization_id, member_id, kind, 'queued', detail, created_at, created_at, 0 FROM emails
""")
pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


@pytest.mark.both_databases
def test_a_retry_that_finds_its_link_used_takes_no_newer_one_away(world: World, smtp: Sink) -> None:
    smtp.replies.append(CUT)
    first = invite(world)
    deliver_due(NOON)
    use_links()
    newer = invite(world)
    emails.deliver([newer], now=NOON + MINUTE / 2)
    assert str(emails.deliver([first], now=NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"
    assert len(smtp.taken) == 1
    assert links_of(world.ana)[-1].superseded_at is None


def invite(world: World) -> int:
    return emails.queue(world.acme, world.ana.id, EmailKind.INVITATION, now=NOON, place="/connections")


@transaction
def use_links() -> None:
    db.session.execute(update(LoginLink).values(used_at=NOON))


@pytest.mark.postgresql
def test_a_note_that_loses_a_deadlock_is_written_again(world: World, context: Flask, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=timedelta(days=9))
    reminders.claim_due(now=NOON)
    with ThreadPoolExecutor(1) as pool, db.engine.connect() as other:
        other.execute(text("SET LOCAL deadlock_timeout = '20s'"))
        other.execute(text("SELECT 1 FROM reminders FOR UPDATE"))
        delivered = pool.submit(deliver_elsewhere, context)
        assert eventually(is_anybody_waiting)
        other.execute(text("UPDATE emails SET attempts = attempts"))
        other.rollback()
        assert delivered.result(20) == "1 sent, 0 put back, 0 parked"
    assert [row.status for row in outbox()] == [EmailStatus.SENT]
    assert len(smtp.taken) == 1


@pytest.mark.postgresql
def test_a_refused_reminder_joins_one_that_is_just_being_queued(world: World, context: Flask, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=timedelta(days=9))
    reminders.claim_due(now=NOON)
    with ThreadPoolExecutor(1) as pool, db.engine.connect() as other:

        def queue_another(_address: str) -> str:
            other.execute(ANOTHER)
            return "451 later"

        smtp.on_data = queue_another
        delivered = pool.submit(deliver_elsewhere, context)
        assert eventually(is_anybody_waiting)
        other.commit()
        assert delivered.result(20) == "0 sent, 1 put back, 0 parked"
    assert [row.status for row in outbox()] == [EmailStatus.WITHDRAWN, EmailStatus.QUEUED]
    smtp.on_data = lambda _address: "250 OK"
    assert str(deliver_due(NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"
    assert len(smtp.taken[0]["X-Reconsent-Steps"].split(", ")) == 1


def deliver_elsewhere(context: Flask) -> str:
    with context.app_context():
        return str(deliver_due(NOON))


def is_anybody_waiting() -> bool:
    with db.engine.connect() as connection:
        return bool(connection.scalar(WAITING))
