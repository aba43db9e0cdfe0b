"""A consent's end is told once when it comes near and once when it has passed, whoever looks how often."""

from datetime import datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import event, update

from portal.db import db, transaction
from portal.models import Connection
from portal.rules.status import ConnectionState
from portal.services import announcements
from tests.factories import NOON, World, make_connection
from tests.outbox import events, set_policy

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


def told() -> list[tuple[str, UUID]]:
    found = [*events("connection:ending"), *events("connection:ended")]
    return [(one.kind, one.connection_id) for one in sorted(found, key=lambda one: one.id)]


@transaction
def change(connection_id: UUID, **columns: object) -> None:
    db.session.execute(update(Connection).where(Connection.id == connection_id).values(**columns))


def announce_at(*moments: datetime) -> list[int]:
    return [announcements.announce(now=moment) for moment in moments]


def test_an_end_is_announced_when_it_enters_the_reminder_window_and_when_it_has_passed(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=30 * DAY)
    ends_at = NOON + 30 * DAY
    window = ends_at - 14 * DAY
    assert announce_at(NOON, window - MINUTE, window, window, ends_at - MINUTE) == [0, 0, 1, 0, 0]
    assert announce_at(ends_at, ends_at, ends_at + 99 * DAY) == [1, 0, 0]
    assert told() == [("connection:ending", connection_id), ("connection:ended", connection_id)]
    (ending,) = events("connection:ending")
    assert ending.facts == {"consent_expires_at": "2026-04-09T12:00:00Z"}
    assert (ending.organization_id, ending.member_id, ending.actor, ending.at) == (
        world.acme, world.ana.id, "portal", window,
    )  # fmt: skip


def test_an_end_first_seen_inside_the_window_is_announced_at_once(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=3 * DAY)
    announcements.announce(now=NOON)
    assert told() == [("connection:ending", connection_id)]


def test_an_end_first_seen_after_it_has_passed_is_announced_as_passed_alone(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=3 * DAY)
    announcements.announce(now=NOON + 4 * DAY)
    assert told() == [("connection:ended", connection_id)]


def test_a_renewal_makes_the_next_end_announceable_again(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=3 * DAY)
    announcements.announce(now=NOON)
    change(connection_id, consent_expires_at=NOON + 60 * DAY)
    assert announce_at(NOON + 4 * DAY, NOON + 46 * DAY, NOON + 60 * DAY) == [0, 1, 1]
    assert [kind for kind, _ in told()] == ["connection:ending", "connection:ending", "connection:ended"]


def test_an_end_that_moves_by_hours_is_the_same_end_and_not_told_again(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=3 * DAY)
    announcements.announce(now=NOON)
    change(connection_id, consent_expires_at=NOON + 3 * DAY + timedelta(hours=5))
    announcements.announce(now=NOON + DAY)
    assert [kind for kind, _ in told()] == ["connection:ending"]
    announcements.announce(now=NOON + 4 * DAY)
    assert [kind for kind, _ in told()] == ["connection:ending", "connection:ended"]


@pytest.mark.parametrize("state", [one for one in ConnectionState if one is not ConnectionState.ACTIVE])
def test_only_what_is_active_is_announced(world: World, state: ConnectionState) -> None:
    change(make_connection(world.ana, consent_ends_in=3 * DAY), state=state)
    assert announce_at(NOON, NOON + 9 * DAY) == [0, 0]


def test_what_stopped_being_active_before_its_end_does_not_end(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=3 * DAY)
    announcements.announce(now=NOON)
    change(connection_id, state=ConnectionState.NEEDS_RECONSENT, consent_expires_at=NOON + DAY)
    assert announce_at(NOON + DAY, NOON + 9 * DAY) == [0, 0]


def test_no_end_is_no_news(world: World) -> None:
    make_connection(world.ana, consent_ends_in=None)
    assert announce_at(NOON, NOON + 3_000 * DAY) == [0, 0]


def test_an_organizations_window_is_its_own(world: World) -> None:
    set_policy(world.globex, reminder_lead_days=30)
    make_connection(world.ana, consent_ends_in=20 * DAY)
    eves = make_connection(world.eve, consent_ends_in=20 * DAY)
    announcements.announce(now=NOON)
    assert told() == [("connection:ending", eves)]
    (event,) = events("connection:ending")
    assert event.organization_id == world.globex


def test_more_than_one_transactions_worth_is_announced_at_once(world: World) -> None:
    made = {make_connection(world.ana, consent_ends_in=3 * DAY) for _ in range(7)}
    assert announcements.announce(now=NOON, at_once=3) == 7
    assert announcements.announce(now=NOON + 3 * DAY, at_once=3) == 7
    assert len(told()) == 14
    assert {connection_id for _, connection_id in told()} == made


def test_many_schedulers_at_once_tell_each_end_once(world: World, context: Flask) -> None:
    for _ in range(20):
        make_connection(world.ana, consent_ends_in=3 * DAY)
    together = Barrier(6)

    def announce_along() -> None:
        with context.app_context():
            together.wait()
            announcements.announce(now=NOON, at_once=4)

    threads = [Thread(target=announce_along) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    announcements.announce(now=NOON)
    assert len(told()) == len(set(told())) == 20


def test_looking_when_there_is_nothing_to_tell_takes_no_writing_transaction(world: World) -> None:
    make_connection(world.ana, consent_ends_in=90 * DAY)
    begun: list[object] = []
    note = begun.append
    event.listen(db.engine, "begin", note)
    try:
        announcements.announce(now=NOON)
    finally:
        event.remove(db.engine, "begin", note)
    assert begun == []
