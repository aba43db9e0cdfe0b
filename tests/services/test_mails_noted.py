"""The note that a server took a mail: written once, whoever else writes, and never at a newer mail's cost."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from portal.db import db, transaction
from portal.models import LoginLink
from portal.models.email import EmailKind
from portal.services import emails
from tests.factories import NOON, World
from tests.mail_sink import CUT, Sink
from tests.outbox import deliver_due, links_of

MINUTE = timedelta(minutes=1)
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
