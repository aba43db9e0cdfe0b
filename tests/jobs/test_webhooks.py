"""From a consent's end to the receiver, by the timetable and the queue alone."""

from datetime import timedelta

import pytest
from flask import Flask

from jobs import tick
from portal import clock
from tests.factories import World, make_connection
from tests.webhooks import Receiver, make_endpoint

pytestmark = pytest.mark.both_databases


@pytest.fixture
def context(receiver: Receiver, context: Flask) -> Flask:
    return context


def test_a_tick_announces_publishes_and_delivers(context: Flask, world: World, receiver: Receiver) -> None:
    _, secret = make_endpoint(world.chloe, receiver.url, now=clock.now())
    connection_id = make_connection(world.ana, consent_ends_in=timedelta(days=3), now=clock.now())
    done = {line.name: line.outcome for line in tick.run()}
    assert (done["ends of consents"], done["public events"]) == ("1", "1")
    (got,) = receiver.received
    document = got.verified(secret)
    assert (document["type"], document["data"]["connection_id"]) == ("connection.ending", str(connection_id))
    list(tick.run())
    assert len(receiver.received) == 1
