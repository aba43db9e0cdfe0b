"""What others commit between two statements of a transaction: PostgreSQL shows it to the second."""

from datetime import timedelta

import pytest
from flask import Flask

from portal.services import reminders
from tests.factories import NOON, World, make_connection
from tests.mail_sink import Sink
from tests.meanwhile import meanwhile
from tests.outbox import make_reminded, replan, series
from tests.outbox import sweep as sweep_and_send

DAY = timedelta(days=1)
pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("context")]


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def test_a_step_that_falls_due_in_the_middle_of_a_sweep_is_sent_by_the_next(
    context: Flask, world: World, smtp: Sink
) -> None:
    make_reminded(world.ben, ends_in=9 * DAY)
    late = make_connection(world.ana, consent_ends_in=9 * DAY)
    with meanwhile(context, lambda: replan(late, now=NOON), after="INSERT INTO emails"):
        assert reminders.claim_due(now=NOON) == 1
    row = series(late)
    assert row is not None
    assert (row.next_at, row.email_id) == (NOON, None)
    sweep_and_send(NOON)
    assert len(smtp.to(world.ana.email)) == 1
