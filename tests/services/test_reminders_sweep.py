"""Due steps become e-mails: one a person, whoever sweeps, in whichever order."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask

from portal.models.email import EmailKind, EmailStatus
from portal.rules.status import ConnectionState
from portal.services import emails, reminders
from tests.factories import NOON, World
from tests.mail_sink import Sink
from tests.outbox import deliver_due, events, make_reminded, outbox, replan, series, set_policy, set_state
from tests.outbox import sweep as sweep_and_send

DAY = timedelta(days=1)
pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def test_one_email_a_person_lists_everything_that_is_due(world: World, smtp: Sink) -> None:
    late, soon = make_reminded(world.ana, ends_in=9 * DAY), make_reminded(world.ana, ends_in=3 * DAY)
    make_reminded(world.ana, ends_in=40 * DAY)
    bens = make_reminded(world.ben, ends_in=9 * DAY)
    assert str(sweep_and_send(NOON)) == "2 sent, 0 put back, 0 parked"
    (to_ana,), (to_ben,) = smtp.to(world.ana.email), smtp.to(world.ben.email)
    assert to_ana["X-Reconsent-Steps"] == f"{soon}=4, {late}=10"
    assert to_ana["Subject"] == "2 connections need you, the first in 3 days"
    assert to_ben["X-Reconsent-Steps"] == f"{bens}=10"
    assert to_ben["Subject"] == "Demo Social “Company page” ends in 9 days"


def test_after_a_step_is_sent_the_next_one_is_planned_and_the_log_tells(world: World) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    sweep_and_send(NOON)
    row = series(connection_id)
    assert row is not None
    assert (row.last_step, row.last_sent_at, row.next_step, row.next_at) == (10, NOON, 8, NOON + DAY)
    (event,) = events("reminder:sent")
    assert (event.connection_id, event.facts["step"], event.facts["days_left"]) == (connection_id, 10, 9)


def test_sweeping_again_sends_nothing_again(world: World, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=9 * DAY)
    for _ in range(3):
        sweep_and_send(NOON)
    assert len(smtp.taken) == 1


def test_many_sweeps_at_once_send_one_email_a_person(world: World, context: Flask, smtp: Sink) -> None:
    people = [world.ana, world.ben, world.dmitri]
    for person in people * 4:
        make_reminded(person, ends_in=9 * DAY)
    together = Barrier(6)

    def sweep_along() -> None:
        with context.app_context():
            together.wait()
            sweep_and_send(NOON)

    threads = [Thread(target=sweep_along) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sweep_and_send(NOON)
    assert sorted(smtp.recipients) == sorted(person.email for person in people)
    assert all(len(mail["X-Reconsent-Steps"].split(", ")) == 4 for mail in smtp.taken)


def test_more_than_one_transactions_worth_is_claimed_without_cutting_anybody_in_two(world: World, smtp: Sink) -> None:
    for person in (world.ana, world.ben, world.dmitri):
        for _ in range(3):
            make_reminded(person, ends_in=9 * DAY)
    assert reminders.claim_due(now=NOON, at_once=2) == 9
    deliver_due(NOON)
    assert sorted(len(mail["X-Reconsent-Steps"].split(", ")) for mail in smtp.taken) == [3, 3, 3]


def test_what_ended_is_a_final_notice_and_the_last_one(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=timedelta(0))
    sweep_and_send(NOON)
    sweep_and_send(NOON + 30 * DAY)
    (mail,) = smtp.taken
    assert (mail["X-Reconsent-Kind"], mail["X-Reconsent-Steps"]) == ("final_notice", f"{connection_id}=0")
    assert mail["Subject"] == "Demo Social “Company page” has ended"
    assert [row.kind for row in outbox()] == [EmailKind.FINAL_NOTICE]


def test_a_connection_renewed_before_its_email_leaves_is_left_out(world: World, smtp: Sink) -> None:
    renewed, other = make_reminded(world.ana, ends_in=9 * DAY), make_reminded(world.ana, ends_in=3 * DAY)
    reminders.claim_due(now=NOON)
    replan(renewed, now=NOON, is_fresh=True, consent_expires_at=NOON + 90 * DAY)
    deliver_due(NOON)
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{other}=4"


def test_a_connection_that_was_ended_meanwhile_is_not_reminded_of(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    reminders.claim_due(now=NOON)
    set_state(connection_id, ConnectionState.DISCONNECTED)
    deliver_due(NOON)
    assert smtp.taken == []
    assert [row.status for row in outbox()] == [EmailStatus.WITHDRAWN]


def test_down_for_three_days_means_one_email_with_the_true_number_of_days(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    sweep_and_send(NOON + 3 * DAY)
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{connection_id}=6"
    assert "ends in 6 days" in mail["Subject"]
    row = series(connection_id)
    assert row is not None
    assert (row.next_step, row.next_at) == (4, NOON + 5 * DAY)


def test_a_step_that_is_late_waits_for_the_morning_and_the_final_notice_does_not(world: World, smtp: Sink) -> None:
    waiting, ended = make_reminded(world.ana, ends_in=9 * DAY), make_reminded(world.ana, ends_in=timedelta(hours=8))
    late_evening = NOON.replace(hour=22)
    sweep_and_send(late_evening)
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{ended}=0"
    row = series(waiting)
    assert row is not None
    assert (row.email_id, row.next_at) == (None, (NOON + DAY).replace(hour=8))
    sweep_and_send((NOON + DAY).replace(hour=8))
    assert [mail["X-Reconsent-Steps"] for mail in smtp.taken][1:] == [f"{waiting}=10"]


def test_an_organizations_daytime_is_its_own(world: World, smtp: Sink) -> None:
    set_policy(world.acme, time_zone="Asia/Tokyo", window_opens_minute=9 * 60, window_closes_minute=10 * 60)
    make_reminded(world.ana, ends_in=9 * DAY)
    sweep_and_send(NOON)
    assert smtp.taken == []
    sweep_and_send(NOON + timedelta(hours=12))
    assert len(smtp.taken) == 1


def test_what_the_queue_lost_is_found_in_the_database(world: World) -> None:
    make_reminded(world.ana, ends_in=9 * DAY)
    reminders.claim_due(now=NOON)
    assert [batch.email_ids for batch in emails.due_batches(now=NOON)] == [tuple(row.id for row in outbox())]
