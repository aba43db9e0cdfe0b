"""E-mails on their way: what servers answer, what is tried again, and what may never happen twice."""

from datetime import timedelta
from time import monotonic

import pytest
from flask import Flask

from portal.models.email import EmailKind, EmailStatus
from portal.services import delivery, emails, outbox, outgoing, reminders
from tests.factories import NOON, World, make_connection, make_member
from tests.links import change_member
from tests.mail_sink import CUT, SILENCE, Sink
from tests.outbox import deliver_due, events, links_of, make_reminded, series, sweep
from tests.outbox import outbox as rows

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def ask_for_link(world: World, minutes: int = 0) -> int:
    now = NOON + minutes * MINUTE
    return emails.queue(world.acme, world.ana.id, EmailKind.SIGN_IN, now=now, place="/connections")


def test_an_email_carries_the_headers_that_are_promised(world: World, smtp: Sink) -> None:
    ask_for_link(world)
    deliver_due(NOON)
    (mail,) = smtp.taken
    assert mail.get_content_type() == "multipart/alternative"
    assert (mail["Auto-Submitted"], mail["X-Reconsent-Kind"]) == ("auto-generated", "sign_in")
    assert mail["Message-ID"].startswith("<reconsent.1.")
    assert mail["Message-ID"].endswith("@portal.example>")
    assert mail["Date"].datetime == NOON


def test_a_refusal_for_now_is_tried_again_with_the_same_link_and_message_id(world: World, smtp: Sink) -> None:
    smtp.replies.append("451 greylisted, come back later")
    ask_for_link(world)
    assert str(deliver_due(NOON)) == "0 sent, 1 put back, 0 parked"
    (link_before,) = links_of(world.ana)
    assert str(deliver_due(NOON + 59 * timedelta(seconds=1))) == "0 sent, 0 put back, 0 parked"
    assert str(deliver_due(NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"
    (link_after,) = links_of(world.ana)
    (mail,) = smtp.taken
    assert (link_before.id, link_before.minted_at) == (link_after.id, link_after.minted_at)
    assert link_after.expires_at == NOON + MINUTE + timedelta(hours=1), "its life counts from the sending"
    assert mail["Message-ID"].startswith("<reconsent.1.")
    assert rows()[0].last_error is None


def test_waits_double_and_end_after_three_days(world: World, smtp: Sink) -> None:
    smtp.on_data = lambda _address: "451 later"
    emails.queue(world.acme, world.ana.id, EmailKind.INVITATION, now=NOON)
    now, waits = NOON, []
    deliver_due(now)
    while (row := rows()[0]).status is EmailStatus.SENDING:
        assert row.next_attempt_at is not None
        waits.append(row.next_attempt_at - now)
        now = row.next_attempt_at
        deliver_due(now)
    assert waits[:8] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 16 * MINUTE, 32 * MINUTE, 60 * MINUTE, 60 * MINUTE]
    assert 3 * DAY <= now - NOON < 3 * DAY + 61 * MINUTE
    assert row.status is EmailStatus.PARKED


def test_a_sign_in_link_nobody_waits_for_any_more_is_given_up(world: World, smtp: Sink) -> None:
    smtp.on_data = lambda _address: "451 later"
    ask_for_link(world)
    for minutes in (0, 1, 3, 7, 15, 31, 63, 123):
        deliver_due(NOON + minutes * MINUTE)
    assert rows()[0].status is EmailStatus.PARKED


def test_a_reminder_refused_until_the_evening_leaves_in_the_morning(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    smtp.on_data = lambda _address: "451 later"
    for minutes in (0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363):
        sweep(NOON + minutes * MINUTE)
    smtp.on_data = lambda _address: "250 OK"
    sweep(NOON + 10 * 60 * MINUTE)
    assert smtp.taken == []
    sweep((NOON + DAY).replace(hour=8))
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{connection_id}=10"


def test_one_bad_address_is_parked_and_stops_nobody_else(world: World, smtp: Sink) -> None:
    smtp.on_rcpt = lambda address: "550 no such user" if address == world.ben.email else "250 OK"
    people = [world.ana, world.ben, world.chloe, world.dmitri]
    for person in people:
        make_reminded(person, ends_in=9 * DAY)
    assert str(sweep(NOON)) == "3 sent, 0 put back, 1 parked"
    assert sorted(smtp.recipients) == sorted(person.email for person in people if person != world.ben)
    (parked,) = emails.parked(world.chloe.asker, world.ben.id)
    assert (parked.kind, parked.reason) == (EmailKind.REMINDER, "550 no such user")
    assert emails.parked(world.eve.asker, world.ben.id) == ()


def test_a_domain_that_only_the_rules_before_2008_knew_is_parked_and_stops_nobody_else(
    world: World, smtp: Sink
) -> None:
    snowman = make_member(world.acme, "Snow Man", "snow@\N{SNOWMAN}.example")
    strasse = make_member(world.acme, "Hans Gasse", "hans@straße.example")
    for person in (snowman, strasse):
        make_reminded(person, ends_in=9 * DAY)
    assert str(sweep(NOON)) == "1 sent, 0 put back, 1 parked"
    assert smtp.recipients == ["hans@xn--strae-oqa.example"]
    (parked,) = emails.parked(world.chloe.asker, snowman.id)
    assert parked.reason == "the address is none that mail servers know"


def test_the_series_of_a_bad_address_goes_on_for_it_may_be_put_right(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    smtp.on_rcpt = lambda _address: "550 no such user"
    sweep(NOON)
    planned = series(connection_id)
    assert planned is not None
    assert (planned.email_id, planned.last_sent_at, planned.next_step) == (None, None, 8)


def test_a_refused_sender_is_our_fault_and_parks_nobody(world: World, smtp: Sink) -> None:
    smtp.on_rcpt = lambda _address: "530 sign in first"
    ask_for_link(world)
    assert str(deliver_due(NOON)) == "0 sent, 1 put back, 0 parked"


def test_a_cut_connection_is_opened_anew_for_the_next_mail(world: World, smtp: Sink) -> None:
    smtp.replies.append(CUT)
    ask_for_link(world)
    emails.queue(world.acme, world.ben.id, EmailKind.SIGN_IN, now=NOON)
    assert str(deliver_due(NOON)) == "1 sent, 1 put back, 0 parked"
    assert str(deliver_due(NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"
    assert sorted(smtp.recipients) == [world.ana.email, world.ben.email]


@pytest.mark.slow
def test_a_silent_server_frees_the_worker_and_loses_nothing(world: World, smtp: Sink) -> None:
    began = monotonic()
    smtp.on_rcpt = lambda _address: SILENCE
    for number in range(20):
        person = make_member(world.acme, f"Member {number}", f"m{number}@acme.example")
        emails.queue(world.acme, person.id, EmailKind.SIGN_IN, now=NOON)
    assert str(deliver_due(NOON)) == "0 sent, 20 put back, 0 parked"
    assert str(deliver_due(NOON + MINUTE)) == "0 sent, 0 put back, 0 parked", "the server is left alone for a while"
    assert monotonic() - began < 30
    assert {row.status for row in rows()} == {EmailStatus.SENDING}


def test_a_server_that_says_goodbye_is_asked_again(world: World, smtp: Sink) -> None:
    ask_for_link(world)
    smtp.on_data = lambda _address: "421 closing"
    assert str(deliver_due(NOON)) == "0 sent, 1 put back, 0 parked"
    smtp.on_data = lambda _address: "250 OK"
    assert str(deliver_due(NOON + MINUTE)) == "1 sent, 0 put back, 0 parked"


def test_an_undelivered_email_takes_no_working_link_away(world: World, smtp: Sink) -> None:
    ask_for_link(world)
    deliver_due(NOON)
    smtp.on_data = lambda _address: "451 later"
    ask_for_link(world, minutes=2)
    deliver_due(NOON + 2 * MINUTE)
    delivered, waiting = links_of(world.ana)
    assert delivered.superseded_at is None
    smtp.on_data = lambda _address: "250 OK"
    deliver_due(NOON + 3 * MINUTE)
    delivered, newest = links_of(world.ana)
    assert (delivered.superseded_at, newest.superseded_at) == (NOON + 3 * MINUTE, None)
    assert newest.id == waiting.id


def test_a_mail_whose_sender_died_is_sent_again_alike_once_the_claim_has_lapsed(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    claim_and_die()
    evening = NOON + outbox.CLAIM
    assert str(deliver_due(evening - timedelta(seconds=1))) == "0 sent, 0 put back, 0 parked"
    assert str(deliver_due(evening)) == "1 sent, 0 put back, 0 parked"
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{connection_id}=10"
    assert len(links_of(world.ana)) == 1


def claim_and_die() -> None:
    """As a worker would that is killed between claiming and sending."""
    reminders.claim_due(now=NOON)
    (batch,) = emails.due_batches(now=NOON)
    assert len(outgoing.prepare(batch.email_ids, "killed", now=NOON)) == 1


def test_two_workers_with_the_same_batch_send_each_mail_once(world: World, smtp: Sink) -> None:
    ids = [ask_for_link(world), emails.queue(world.acme, world.ben.id, EmailKind.SIGN_IN, now=NOON)]
    emails.deliver(ids, now=NOON)
    emails.deliver(ids, now=NOON)
    assert sorted(smtp.recipients) == [world.ana.email, world.ben.email]


def test_nothing_is_mailed_to_somebody_who_was_deactivated_and_nothing_is_stacked_up(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    ask_for_link(world)
    change_member(world.ana, deactivated_at=NOON)
    sweep(NOON)
    assert smtp.taken == []
    assert {row.status for row in rows()} == {EmailStatus.WITHDRAWN}
    planned = series(connection_id)
    assert planned is not None
    assert (planned.next_step, planned.last_sent_at) == (8, None)


def test_an_invitation_that_was_followed_meanwhile_is_not_sent(world: World, smtp: Sink) -> None:
    connected = make_connection(world.ana)
    emails.queue(world.acme, world.ana.id, EmailKind.INVITATION, now=NOON, connection_id=connected)
    deliver_due(NOON)
    assert smtp.taken == []


def test_an_odd_name_and_a_long_one_arrive_as_they_are(world: World, smtp: Sink) -> None:
    names = {"zoe@acme.example": "Zoë “Z” Müller-" + "Ü" * 80, "bob@acme.example": 'Bob, "the" <Builder>'}
    for address, name in names.items():
        person = make_member(world.acme, name, address)
        emails.queue(world.acme, person.id, EmailKind.SIGN_IN, now=NOON)
    deliver_due(NOON)
    arrived = {mail["To"].addresses[0].addr_spec: said(mail["To"].addresses[0].display_name) for mail in smtp.taken}
    assert arrived == {address: said(name) for address, name in names.items()}


def said(name: str) -> str:
    """Python's own reader puts blanks between the encoded words of a long name (RFC 2047 section 6.2 has none)."""
    return name.replace(" ", "")


def test_hundred_mails_use_a_few_connections_and_arrive_once_each(world: World, smtp: Sink) -> None:
    people = [make_member(world.acme, f"Member {number}", f"m{number}@acme.example") for number in range(100)]
    for person in people:
        emails.queue(world.acme, person.id, EmailKind.SIGN_IN, now=NOON)
    assert str(sweep(NOON)) == "100 sent, 0 put back, 0 parked"
    assert sorted(smtp.recipients) == sorted(person.email for person in people)
    assert len({mail["Message-ID"] for mail in smtp.taken}) == 100
    assert smtp.connections <= 2 * delivery.CONNECTIONS
    assert len(events("email:sent")) == 100
