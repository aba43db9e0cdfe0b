"""E-mails and servers that misbehave: who has to wait, what is tried again, and what may arrive twice."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.adapters import mail
from portal.models.email import EmailKind, EmailStatus
from portal.services import emails, reminders
from tests.factories import NOON, Person, World, make_member
from tests.mail_sink import CUT, SILENCE, Sink
from tests.outbox import deliver_due, make_reminded, sweep
from tests.outbox import outbox as rows

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
CLOSING = NOON.replace(hour=17, minute=59, second=30)
LATER, TAKEN = "451 4.7.1 try again later", "250 OK"
pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def invite(person: Person) -> int:
    return emails.queue(person.organization_id, person.id, EmailKind.INVITATION, now=NOON, place="/connections")


def invite_many(world: World, count: int) -> None:
    for number in range(count):
        invite(make_member(world.acme, f"Member {number}", f"m{number}@acme.example"))


def once(first: str, act: Callable[[], object] = lambda: None) -> Callable[[str], str]:
    """A script that acts and answers `first` to the first mail, and takes all the others."""
    answers = [first]

    def answer(_address: str) -> str:
        if not answers:
            return TAKEN
        act()
        return answers.pop()

    return answer


def test_a_first_refusal_after_days_of_outage_parks_nothing(world: World, smtp: Sink) -> None:
    smtp.replies.append("451 4.7.1 greylisted, come back later")
    invite(world.ana)
    assert str(deliver_due(NOON + 4 * DAY)) == "0 sent, 1 put back, 0 parked"
    assert str(deliver_due(NOON + 4 * DAY + MINUTE)) == "1 sent, 0 put back, 0 parked"


def test_a_server_that_limits_connections_gets_everything_over_those_it_takes(world: World, smtp: Sink) -> None:
    smtp.at_a_time = 1
    invite_many(world, 40)
    deliver_due(NOON)
    deliver_due(NOON)
    assert (len(smtp.taken), mail.is_resting()) == (40, False)


def test_a_server_that_takes_no_connection_is_left_alone_and_no_mail_is_to_blame(world: World, smtp: Sink) -> None:
    smtp.at_a_time = 0
    invite_many(world, 12)
    assert str(deliver_due(NOON)) == "0 sent, 12 put back, 0 parked"
    assert mail.is_resting()
    assert {(row.attempts, row.next_attempt_at) for row in rows()} == {(0, NOON + MINUTE)}


@pytest.mark.slow
def test_a_silence_about_one_reader_is_held_against_that_mail_alone(world: World, smtp: Sink) -> None:
    smtp.on_rcpt = lambda address: SILENCE if address == world.ana.email else TAKEN
    for person in (world.ana, world.ben, world.chloe):
        invite(person)
    assert str(deliver_due(NOON)) == "0 sent, 3 put back, 0 parked"
    assert [row.attempts for row in rows()] == [1, 0, 0]
    wake()
    smtp.on_rcpt = lambda _address: TAKEN
    deliver_due(NOON + MINUTE)
    assert smtp.recipients == [world.ben.email, world.chloe.email, world.ana.email], "what was refused comes last"


def wake() -> None:
    """As after the rest that follows."""
    mail._mail().resting_until = 0.0


def test_an_answer_lost_at_closing_time_brings_the_same_email_at_once(world: World, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=9 * DAY)
    smtp.on_data = once(CUT)
    sweep(CLOSING)
    assert str(sweep(CLOSING + MINUTE)) == "1 sent, 0 put back, 0 parked"
    assert [row.status for row in rows()] == [EmailStatus.SENT]


def test_a_lost_answer_is_remembered_through_a_refusal(world: World, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=9 * DAY)
    smtp.replies.extend([CUT, LATER])
    sweep(CLOSING)
    sweep(CLOSING + MINUTE)
    assert str(sweep(CLOSING + 3 * MINUTE)) == "1 sent, 0 put back, 0 parked"


def test_a_refused_reminder_waits_for_the_morning_because_nobody_got_it(world: World, smtp: Sink) -> None:
    make_reminded(world.ana, ends_in=9 * DAY)
    smtp.on_data = once(LATER)
    sweep(CLOSING)
    sweep(CLOSING + MINUTE)
    assert smtp.taken == []


@pytest.mark.parametrize("trouble", ["refused", "out of reach"])
def test_after_an_outage_a_person_gets_one_reminder_of_everything(world: World, smtp: Sink, trouble: str) -> None:
    for days in (14, 15, 16):
        make_reminded(world.ana, ends_in=days * DAY)
    smtp.at_a_time = 0 if trouble == "out of reach" else 1
    smtp.on_data = lambda _address: LATER
    for day in range(3):
        sweep(NOON + day * DAY)
        wake()
    smtp.at_a_time, smtp.on_data = 1, lambda _address: TAKEN
    assert str(sweep(NOON + 3 * DAY)) == "1 sent, 0 put back, 0 parked"
    assert len(smtp.taken[0]["X-Reconsent-Steps"].split(", ")) == 3


def test_a_refused_reminder_joins_the_one_that_was_queued_meanwhile(world: World, context: Flask, smtp: Sink) -> None:
    early, late = make_reminded(world.ana, ends_in=13 * DAY), make_reminded(world.ana, ends_in=14 * DAY + MINUTE)
    wished = make_reminded(world.ana, ends_in=40 * DAY)
    reminders.remind_now(world.chloe.asker, wished, now=NOON)

    def claim_more() -> None:
        with context.app_context():
            reminders.claim_due(now=NOON + MINUTE)

    smtp.on_data = once(LATER, claim_more)
    sweep(NOON)
    assert [(row.status, row.attempts) for row in rows()] == [(EmailStatus.WITHDRAWN, 1), (EmailStatus.QUEUED, 1)]
    assert str(sweep(NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"
    assert steps(smtp) == [(early, 14), (late, 14), (wished, 40)]


def steps(smtp: Sink) -> list[tuple[UUID, int]]:
    (mail,) = smtp.taken
    pairs = (one.split("=") for one in mail["X-Reconsent-Steps"].split(", "))
    return [(UUID(connection_id), int(step)) for connection_id, step in pairs]
