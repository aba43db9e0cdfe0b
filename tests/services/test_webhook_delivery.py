"""Webhooks on their way: signed, in order, tried again, given up, and never where they must not go."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from threading import Barrier, Thread
from time import monotonic
from uuid import UUID

import pytest
from flask import Flask
from standardwebhooks.webhooks import WebhookVerificationError

from portal import clock
from portal.adapters import webhooks as wire
from portal.adapters.webhooks import Message
from portal.crypto import Secret
from portal.models.webhook import DeliveryStatus, EndpointState
from portal.services import publishing, webhook_log, webhook_outbox, webhooks
from portal.services.audit import EventKind
from tests.factories import NOON, World, make_connection
from tests.outbox import events, outbox
from tests.webhooks import (
    Receiver,
    change_endpoint,
    deliver,
    deliveries,
    endpoint_row,
    happen,
    make_endpoint,
    publish_and_deliver,
)

DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
pytestmark = pytest.mark.both_databases


@pytest.fixture
def silent(environ: dict[str, str]) -> Iterator[str]:
    """A server that takes connections and never says anything; the portal may reach it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
        environ["PORTAL_ALLOWED_PRIVATE_HOSTS"] += f",{host}"
        yield host


@pytest.fixture
def context(receiver: Receiver, silent: str, context: Flask) -> Flask:
    return context


@pytest.fixture
def endpoint(context: Flask, world: World, receiver: Receiver) -> tuple[UUID, Secret]:
    return make_endpoint(world.chloe, receiver.url)


@pytest.fixture
def connection_id(endpoint: tuple[UUID, Secret], world: World) -> UUID:
    return make_connection(world.ana)


def test_an_event_arrives_signed_as_standard_webhooks_says(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, secret = endpoint
    happen(world.ana, connection_id, EventKind.CONNECTION_NEEDS_RECONSENT, reason="The provider says it was revoked")
    assert str(publish_and_deliver(NOON)) == "1 delivered, 0 failed"
    (got,) = receiver.received
    document = got.verified(secret)
    assert document["type"] == "connection.needs_reconsent"
    assert document["timestamp"] == document["at"] == "2026-03-10T12:00:00Z"
    assert document["data"]["connection_id"] == str(connection_id)
    assert document["data"]["reason"] == "The provider says it was revoked"
    assert got.id == f"evt_{document['id']}"
    (row,) = deliveries(endpoint_id)
    assert (row.status, row.attempts, row.last_status, row.settled_at) == (DeliveryStatus.DELIVERED, 1, 200, NOON)
    assert endpoint_row(endpoint_id).last_delivered_at == NOON


def test_nobody_elses_secret_verifies_it(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    _, other = make_endpoint(world.eve, receiver.url)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    with pytest.raises(WebhookVerificationError):
        receiver.received[0].verified(other)


def test_events_arrive_in_their_order(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    kinds = [EventKind.CONNECTION_CONNECTED, EventKind.CONNECTION_ENDING, EventKind.CONNECTION_ENDED] * 3
    for kind in kinds:
        happen(world.ana, connection_id, kind)
    publish_and_deliver(NOON)
    assert receiver.types == [kind.replace(":", ".") for kind in kinds]


def test_what_failed_comes_again_with_the_same_id_and_the_same_bytes(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    receiver.will_answer(500, 500)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    deliver(NOON + 4 * SECOND)
    assert len(receiver.received) == 1
    deliver(NOON + 6 * SECOND)
    deliver(NOON + 6 * MINUTE)
    first, second, third = receiver.received
    assert first.id == second.id == third.id
    assert first.body == second.body == third.body
    (row,) = deliveries()
    assert (row.status, row.attempts) == (DeliveryStatus.DELIVERED, 3)


def test_a_replaced_secret_signs_beside_the_new_one_for_a_day(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, old = endpoint
    new = webhooks.rotate_secret(world.chloe.asker, endpoint_id, now=NOON)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON + 23 * 60 * MINUTE)
    assert receiver.received[0].verified(old) == receiver.received[0].verified(new)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON + DAY)
    receiver.received[1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.received[1].verified(old)


def test_one_refused_event_does_not_hold_up_the_next(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    receiver.will_answer(400)
    happen(world.ana, connection_id, EventKind.CONNECTION_ENDED)
    happen(world.ana, connection_id, EventKind.CONNECTION_RECONNECTED)
    assert str(publish_and_deliver(NOON)) == "1 delivered, 1 failed"
    assert receiver.types == ["connection.ended", "connection.reconnected"]


def test_an_endpoint_in_trouble_is_left_alone_for_a_while(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    receiver.will_answer(503)
    for _ in range(5):
        happen(world.ana, connection_id)
    assert str(publish_and_deliver(NOON)) == "0 delivered, 1 failed"
    assert str(deliver(NOON + SECOND)) == "0 delivered, 0 failed"
    assert str(deliver(NOON + 6 * SECOND)) == "5 delivered, 0 failed"


def test_retry_after_is_obeyed(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    receiver.will_answer(429, retry_after="3600")
    happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    deliver(NOON + 59 * MINUTE)
    assert len(receiver.received) == 1
    deliver(NOON + 60 * MINUTE)
    assert len(receiver.received) == 2


def test_redirects_are_not_followed(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    receiver.will_answer(307, location=receiver.url)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    assert len(receiver.received) == 1
    assert deliveries()[0].last_error == "answered 307: redirects are not followed"


def test_an_endpoint_that_says_it_is_gone_is_switched_off_and_the_admins_are_told(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    receiver.will_answer(410)
    for _ in range(2):
        happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    row = endpoint_row(endpoint_id)
    assert (row.state, row.state_since) == (EndpointState.OFF, NOON)
    assert [one.status for one in deliveries()] == [DeliveryStatus.DEAD, DeliveryStatus.WAITING]
    (alert,) = outbox()
    assert (alert.kind, alert.member_id) == ("alert", world.chloe.id)
    assert alert.place == f"/admin/settings/webhooks/{endpoint_id}"
    assert "410" in alert.detail["sentence"]
    (told,) = events("webhook:switched_off")
    assert told.facts["webhook"] == str(endpoint_id)


def test_what_happens_while_it_is_off_is_not_kept_and_what_waits_goes_out_when_it_is_resumed(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    receiver.will_answer(410)
    for _ in range(2):
        happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    happen(world.ana, connection_id)
    assert str(publish_and_deliver(NOON + MINUTE)) == "0 delivered, 0 failed"
    webhooks.resume(world.chloe.asker, endpoint_id, now=NOON + DAY)
    assert str(publish_and_deliver(NOON + DAY)) == "1 delivered, 0 failed"


def test_an_endpoint_that_takes_nothing_for_three_days_is_switched_off(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    receiver.will_answer(*[500] * 30)
    happen(world.ana, connection_id)
    moment = NOON
    publish_and_deliver(moment)
    while endpoint_row(endpoint_id).state is EndpointState.ACTIVE:
        assert moment - NOON < 5 * DAY
        moment = deliveries()[0].next_attempt_at or moment
        deliver(moment)
    assert timedelta(days=3) <= moment - NOON < timedelta(days=4)
    assert len(receiver.received) == 10
    assert deliveries()[0].status is DeliveryStatus.DEAD
    assert "3 days" in (endpoint_row(endpoint_id).off_reason or "")
    assert [mail.kind for mail in outbox()] == ["alert"]


def test_what_arrives_in_between_keeps_the_endpoint_and_gives_up_the_one_event(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    happen(world.ana, connection_id, EventKind.CONNECTION_ENDED)
    publishing.publish(now=NOON)
    moment = NOON
    while deliveries()[0].status is DeliveryStatus.WAITING:
        moment = deliveries()[0].next_attempt_at or moment
        receiver.will_answer(422, 200)
        deliver(moment)
        happen(world.ana, connection_id)
        publish_and_deliver(moment)
    assert (deliveries()[0].status, deliveries()[0].attempts) == (DeliveryStatus.DEAD, 10)
    assert endpoint_row(endpoint_id).state is EndpointState.ACTIVE
    assert outbox() == []


def test_a_paused_endpoint_gets_nothing_and_everything_once_it_is_resumed(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    webhooks.pause(world.chloe.asker, endpoint_id, now=NOON)
    for _ in range(3):
        happen(world.ana, connection_id)
    assert str(publish_and_deliver(NOON)) == "0 delivered, 0 failed"
    webhooks.resume(world.chloe.asker, endpoint_id, now=NOON + 9 * DAY)
    assert str(deliver(NOON + 9 * DAY)) == "3 delivered, 0 failed"


def test_a_test_event_is_tried_once_and_says_what_came_of_it(
    endpoint: tuple[UUID, Secret], world: World, receiver: Receiver
) -> None:
    endpoint_id, secret = endpoint
    receiver.will_answer(500)
    webhook_log.send_test(world.chloe.asker, endpoint_id, now=NOON)
    deliver(NOON)
    assert receiver.received[0].verified(secret)["type"] == "webhook.test"
    (row,) = webhook_log.recent(world.chloe.asker, endpoint_id)
    assert (row.status, row.answer) == (DeliveryStatus.DEAD, "answered 500")
    assert endpoint_row(endpoint_id).failing_since is None


def test_what_was_given_up_can_be_sent_again_under_its_id(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    endpoint_id, _ = endpoint
    receiver.will_answer(410)
    happen(world.ana, connection_id)
    publish_and_deliver(NOON)
    webhooks.resume(world.chloe.asker, endpoint_id, now=NOON)
    assert webhook_log.send_dead_again(world.chloe.asker, endpoint_id, now=NOON) == 1
    deliver(NOON)
    first, second = receiver.received
    assert first.id == second.id
    assert deliveries()[0].status is DeliveryStatus.DELIVERED


def test_many_workers_at_once_deliver_each_event_once(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver, context: Flask
) -> None:
    for _ in range(10):
        happen(world.ana, connection_id)
    together = Barrier(5)

    def work() -> None:
        with context.app_context():
            together.wait()
            publish_and_deliver(NOON)

    threads = [Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish_and_deliver(NOON)
    ids = [one.id for one in receiver.received]
    assert len(ids) == len(set(ids)) == 10


def test_what_a_worker_took_with_it_when_it_died_is_sent_again_with_the_same_id(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver
) -> None:
    """It had taken the turn and sent the event, and died before it could note that."""
    endpoint_id, _ = endpoint
    happen(world.ana, connection_id)
    publishing.publish(now=NOON)
    assert webhook_outbox.take_turn(endpoint_id, "dead", now=NOON)
    attempt = webhook_outbox.next_attempt(endpoint_id, "dead", now=NOON)
    assert attempt is not None
    message = Message(attempt.url, attempt.message_id, attempt.body, attempt.secrets, clock.machine_now())
    wire.send(message, private_hosts=frozenset({receiver.host}))
    assert str(deliver(NOON + 59 * SECOND)) == "0 delivered, 0 failed"
    assert str(deliver(NOON + 60 * SECOND)) == "1 delivered, 0 failed"
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


def test_a_late_note_changes_nothing_that_was_begun_anew(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World
) -> None:
    endpoint_id, _ = endpoint
    happen(world.ana, connection_id)
    publishing.publish(now=NOON)
    webhook_outbox.take_turn(endpoint_id, "slow", now=NOON)
    late = webhook_outbox.next_attempt(endpoint_id, "slow", now=NOON)
    assert late is not None
    deliver(NOON + 61 * SECOND)
    assert not webhook_outbox.note_failed(late, None, "late", again_at=None, rest=NOON + DAY, now=NOON + 62 * SECOND)
    assert deliveries()[0].status is DeliveryStatus.DELIVERED
    assert endpoint_row(endpoint_id).rest_until is None


class TestPrivateAddresses:
    """Addresses inside get no packet, neither when they are typed nor when a name leads there later."""

    @pytest.fixture
    def trap(self) -> Iterator[socket.socket]:
        with socket.create_server(("127.0.0.1", 0)) as trap:
            trap.settimeout(0.05)
            yield trap

    def test_an_endpoint_that_leads_inside_by_now_gets_no_packet(
        self, endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, trap: socket.socket
    ) -> None:
        endpoint_id, _ = endpoint
        change_endpoint(endpoint_id, url=f"https://localhost:{trap.getsockname()[1]}/hook")
        happen(world.ana, connection_id)
        assert str(publish_and_deliver(NOON)) == "0 delivered, 1 failed"
        assert "private network" in (deliveries()[0].last_error or "")
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.slow
def test_a_slow_endpoint_does_not_hold_up_the_others(
    endpoint: tuple[UUID, Secret], connection_id: UUID, world: World, receiver: Receiver, silent: str
) -> None:
    slow, _ = make_endpoint(world.chloe, f"http://{silent}/slow")
    for _ in range(3):
        happen(world.ana, connection_id)
    began = monotonic()
    assert str(publish_and_deliver(NOON)) == "3 delivered, 1 failed"
    assert 9 < monotonic() - began < 20
    assert max(receiver.arrived) - began < 5
    assert [row.last_error for row in deliveries(slow)] == ["no answer in time", None, None]
