"""Public events: what is told of the log, in order and without a gap, whoever writes at the same moment."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import db, reading
from portal.models import Event, EventFeed
from portal.services import public_events, publishing
from portal.services.asker import Asker
from portal.services.audit import EventKind
from tests.factories import NOON, World, make_connection
from tests.webhooks import deliveries, happen, make_endpoint

DAY = timedelta(days=1)
URL = "https://backend.example/hook"
pytestmark = pytest.mark.usefixtures("context")


def seen(world: World, after: int = 0, limit: int = 100) -> list[str]:
    return [event.type for event in public_events.page(Asker.portal(world.acme), after=after, limit=limit)]


@reading
def published_id() -> int:
    return db.session.scalars(select(EventFeed.published_id)).one()


@pytest.mark.both_databases
def test_what_the_log_tells_of_connections_is_public_once_it_is_published(world: World) -> None:
    connection_id = make_connection(world.ana, nickname="Company page")
    happen(world.ana, connection_id, EventKind.CONNECTION_CONNECTED, login="ana@social")
    happen(world.ana, connection_id, EventKind.GRANT_ROTATED, generation=2)
    happen(world.ana, connection_id, EventKind.SCOPES_CHANGED, lost=["a"], gained=["b"])
    assert seen(world) == []
    publishing.publish(now=NOON)
    first, second = public_events.page(Asker.portal(world.acme), after=0)
    assert first.document == {
        "id": first.id,
        "type": "connection.connected",
        "at": "2026-03-10T12:00:00Z",
        "data": {
            "connection_id": str(connection_id),
            "provider": "demo-social",
            "nickname": "Company page",
            "member": {"email": "ana@acme.example", "name": "Ana Alvarez"},
        },
    }
    assert second.document["type"] == "connection.scopes_changed"
    assert (second.document["data"]["lost"], second.document["data"]["gained"]) == (["a"], ["b"])


@pytest.mark.both_databases
def test_pages_follow_each_other_without_gap_or_repeat(world: World) -> None:
    connection_id = make_connection(world.ana)
    kinds = [EventKind.CONNECTION_CONNECTED, EventKind.CONNECTION_RECONNECTED, EventKind.SUBJECT_CHANGED] * 4
    for kind in kinds:
        happen(world.ana, connection_id, kind)
    publishing.publish(now=NOON)
    found: list[int] = []
    while page := public_events.page(Asker.portal(world.acme), after=found[-1] if found else 0, limit=5):
        found += [event.id for event in page]
    assert found == sorted(set(found))
    assert len(found) == len(kinds)


@pytest.mark.both_databases
def test_another_organizations_events_are_not_there(world: World) -> None:
    happen(world.eve, make_connection(world.eve))
    publishing.publish(now=NOON)
    assert seen(world) == []
    assert len(public_events.page(Asker.portal(world.globex), after=0)) == 1


@pytest.mark.both_databases
def test_a_key_for_some_providers_sees_their_events_alone(world: World) -> None:
    happen(world.ana, make_connection(world.ana, provider_id="demo-video"))
    happen(world.ana, make_connection(world.ana, provider_id="demo-social"))
    publishing.publish(now=NOON)
    limited = Asker.api_key(world.acme, world.ana.id, frozenset({"demo-social"}))
    assert [event.provider_id for event in public_events.page(limited, after=0)] == ["demo-social"]


@pytest.mark.both_databases
def test_each_endpoint_that_wants_an_event_gets_one_delivery_of_it(world: World) -> None:
    connection_id = make_connection(world.ana)
    every, _ = make_endpoint(world.chloe, URL)
    some, _ = make_endpoint(world.chloe, URL, types=["connection.ended"])
    foreign, _ = make_endpoint(world.eve, URL)
    happen(world.ana, connection_id, EventKind.CONNECTION_ENDED, consent_expires_at="2026-03-10T12:00:00Z")
    happen(world.ana, connection_id, EventKind.CONNECTION_RECONNECTED)
    assert publishing.publish(now=NOON) == 3
    assert publishing.publish(now=NOON) == 0
    assert [row.type for row in deliveries(every)] == ["connection.ended", "connection.reconnected"]
    assert [row.type for row in deliveries(some)] == ["connection.ended"]
    assert deliveries(foreign) == []
    assert '"timestamp":"2026-03-10T12:00:00Z"' in deliveries(some)[0].body


@pytest.mark.both_databases
def test_a_new_endpoint_is_not_told_the_past(world: World) -> None:
    happen(world.ana, make_connection(world.ana), now=NOON - DAY)
    endpoint_id, _ = make_endpoint(world.chloe, URL, now=NOON)
    publishing.publish(now=NOON)
    assert deliveries(endpoint_id) == []


@pytest.mark.both_databases
def test_publishing_goes_on_in_steps_and_leaves_nothing_out(world: World) -> None:
    connection_id = make_connection(world.ana)
    endpoint_id, _ = make_endpoint(world.chloe, URL)
    for _ in range(11):
        happen(world.ana, connection_id)
    assert publishing.publish(now=NOON, at_once=3) == 11
    rows = deliveries(endpoint_id)
    assert [row.event_id for row in rows] == sorted({row.event_id for row in rows})
    assert len(rows) == 11


class Elsewhere:
    """Another process in the middle of a transaction: it has written an event and has not come to its end."""

    def __init__(self, world: World, connection_id: UUID) -> None:
        self.session = Session(db.engine)
        event = Event(
            organization_id=world.acme,
            at=NOON,
            kind="connection:disconnected",
            actor="portal",
            member_id=world.ana.id,
            connection_id=connection_id,
            facts={},
        )
        self.session.add(event)
        self.session.flush()
        self.event_id = event.id


@pytest.mark.postgresql
class TestOnPostgresql:
    """Ids are given out before they are seen, so the order of ids is not the order of appearing."""

    def test_nothing_is_published_beyond_an_event_that_is_still_being_written(
        self, world: World, context: Flask
    ) -> None:
        connection_id = make_connection(world.ana)
        earlier = Elsewhere(world, connection_id)
        happen(world.ana, connection_id, EventKind.CONNECTION_RECONNECTED)
        for _ in range(3):
            publishing.publish(now=NOON)
        assert seen(world) == []
        earlier.session.commit()
        publishing.publish(now=NOON)
        assert seen(world) == ["connection.disconnected", "connection.reconnected"]

    def test_an_older_transaction_may_write_a_later_event(self, world: World, context: Flask) -> None:
        """Whoever goes by the order of transactions would publish the later event and miss the earlier one."""
        connection_id, other_id = make_connection(world.ana), make_connection(world.ana)
        older = Session(db.engine)
        older.execute(Event.__table__.update().where(Event.id == -1).values(kind="x"))
        older.execute(db.text("SELECT pg_current_xact_id()"))
        younger = Elsewhere(world, connection_id)
        late = Event(organization_id=world.acme, at=NOON, kind="connection:ended", actor="portal", facts={})
        late.connection_id, late.member_id = other_id, world.ana.id
        older.add(late)
        older.commit()
        publishing.publish(now=NOON)
        assert seen(world) == []
        younger.session.commit()
        publishing.publish(now=NOON)
        assert seen(world) == ["connection.disconnected", "connection.ended"]

    def test_what_is_never_written_holds_nothing_up(self, world: World, context: Flask) -> None:
        connection_id = make_connection(world.ana)
        given_up = Elsewhere(world, connection_id)
        happen(world.ana, connection_id)
        publishing.publish(now=NOON)
        given_up.session.rollback()
        publishing.publish(now=NOON)
        assert seen(world) == ["connection.disconnected"]

    def test_later_writers_do_not_hold_up_what_was_there_before_them(self, world: World, context: Flask) -> None:
        connection_id = make_connection(world.ana)
        first = Elsewhere(world, connection_id)
        happen(world.ana, connection_id, EventKind.CONNECTION_RECONNECTED)
        publishing.publish(now=NOON)
        second = Elsewhere(world, connection_id)
        first.session.commit()
        publishing.publish(now=NOON)
        assert seen(world) == ["connection.disconnected", "connection.reconnected"]
        assert published_id() < second.event_id
        second.session.rollback()

    def test_whoever_publishes_at_the_same_time_does_nothing(self, world: World, context: Flask) -> None:
        happen(world.ana, make_connection(world.ana))
        with Session(db.engine) as other:
            other.execute(select(EventFeed).with_for_update())
            assert publishing.publish(now=NOON) == 0
            assert seen(world) == []
        publishing.publish(now=NOON)
        assert seen(world) == ["connection.disconnected"]
