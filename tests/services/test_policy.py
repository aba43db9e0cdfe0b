"""An organization's policy, and what changing it does to what runs already."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal.db import NEVER, db, reading, transaction
from portal.models import Connection, DayBucket, Event, Organization, Reminder
from portal.rules.problems import InvalidRequest
from portal.rules.reminders import ReminderPolicy
from portal.services import policy, reminders
from portal.services.audit import EventKind
from tests.factories import NOON, World, make_connection

pytestmark = pytest.mark.both_databases
DAY = timedelta(days=1)


def change(world: World, wanted: ReminderPolicy | None = None, *, period: int | None = None) -> None:
    policy.change(world.chloe.asker, wanted or ReminderPolicy(), policy_period_days=period, now=NOON)


@transaction
def planned(connection_id: UUID) -> UUID:
    connection = db.session.get_one(Connection, connection_id)
    reminders.plan(connection, now=NOON, is_fresh=True)
    return connection_id


@reading
def reminder(connection_id: UUID) -> tuple[int | None, datetime | None] | None:
    """Its next step and when that is due; None where no series runs."""
    row = db.session.get(Reminder, connection_id)
    return row and (row.next_step, row.next_at)


@reading
def end_of(connection_id: UUID) -> tuple[datetime | None, str | None]:
    connection = db.session.get_one(Connection, connection_id)
    return connection.consent_expires_at, connection.consent_end_source


@transaction
def without_stated_end(connection_id: UUID) -> UUID:
    db.session.get_one(Connection, connection_id).consent_end_source = None
    return connection_id


@reading
def buckets_fit() -> bool:
    counted = dict(
        db.session.execute(select(DayBucket.day, func.sum(DayBucket.connections)).group_by(DayBucket.day)).all()
    )
    real: dict[object, int] = {}
    for ends_at in db.session.scalars(select(Connection.consent_expires_at)):
        day = (ends_at or NEVER).date()
        real[day] = real.get(day, 0) + 1
    return {day: number for day, number in counted.items() if number} == real


def test_a_new_organization_has_the_usual_policy(context: Flask, world: World) -> None:
    assert policy.of_asker(world.chloe.asker) == policy.PolicyView(ReminderPolicy(), None)


@pytest.mark.parametrize(
    "wanted",
    [
        ReminderPolicy(
            lead_days=30, rhythm_days=5, window_opens=time(9, 30), window_closes=time(17), time_zone="Asia/Tokyo"
        ),
        ReminderPolicy(window_opens=time(0), window_closes=time(23, 59)),
        ReminderPolicy(window_opens=time(0), window_closes=time.max),
    ],
)
def test_a_policy_is_kept_as_it_was_decided(wanted: ReminderPolicy, context: Flask, world: World) -> None:
    change(world, wanted, period=90)
    assert policy.of_asker(world.chloe.asker) == policy.PolicyView(wanted, 90)
    assert policy.of_asker(world.eve.asker) == policy.PolicyView(ReminderPolicy(), None)


@pytest.mark.parametrize(
    ("wrong", "period", "field"),
    [
        ({"lead_days": 91}, None, "lead_days"),
        ({"rhythm_days": 15}, None, "rhythm_days"),
        ({"window_closes": time(7)}, None, "window_closes"),
        ({"time_zone": "Mars"}, None, "time_zone"),
        ({}, 0, "policy_period_days"),
        ({}, 4000, "policy_period_days"),
    ],
)
def test_a_wrong_policy_is_refused_by_field(
    wrong: dict[str, object], period: int | None, field: str, context: Flask, world: World
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        change(world, replace(ReminderPolicy(), **wrong), period=period)
    assert list(refused.value.errors) == [field]
    assert policy.of_asker(world.chloe.asker) == policy.PolicyView(ReminderPolicy(), None)


def test_a_changed_rhythm_moves_the_next_reminder(context: Flask, world: World) -> None:
    connection_id = planned(make_connection(world.ana, consent_ends_in=40 * DAY))
    assert reminder(connection_id) == (14, NOON + 26 * DAY)
    change(world, ReminderPolicy(lead_days=30, rhythm_days=10))
    assert reminder(connection_id) == (30, NOON + 10 * DAY)


def test_a_series_that_nothing_ends_keeps_nobody_from_changing_the_policy(context: Flask, world: World) -> None:
    connection_id = planned(make_connection(world.ana, consent_ends_in=40 * DAY))
    transaction(lambda: db.session.execute(update(Connection).values(consent_expires_at=None)))()
    change(world, ReminderPolicy(lead_days=30, rhythm_days=10))
    assert reminder(connection_id) == (14, NOON + 26 * DAY)


def test_saving_the_same_policy_is_no_event(context: Flask, world: World) -> None:
    for _ in range(2):
        change(world, period=30)
    assert reading(lambda: db.session.query(Event).filter_by(kind=EventKind.POLICY_CHANGED).count())() == 1


def test_a_period_gives_an_end_to_consents_that_have_none(context: Flask, world: World) -> None:
    without = without_stated_end(make_connection(world.ana, consent_ends_in=None))
    stated = make_connection(world.ben, consent_ends_in=50 * DAY)
    foreign = without_stated_end(make_connection(world.eve, consent_ends_in=None))
    change(world, period=90)
    assert end_of(without) == (NOON + 90 * DAY, "policy")
    assert end_of(stated) == (NOON + 50 * DAY, "response")
    assert end_of(foreign) == (None, None)
    assert buckets_fit()
    assert reminder(without) == (14, NOON + 76 * DAY)


def test_another_period_moves_them_and_none_takes_them_away(context: Flask, world: World) -> None:
    connection_id = without_stated_end(make_connection(world.ana, consent_ends_in=None))
    for days in (90, 30):
        change(world, period=days)
    assert end_of(connection_id) == (NOON + 30 * DAY, "policy")
    change(world, period=None)
    assert end_of(connection_id) == (None, None)
    assert reminder(connection_id) is None
    assert buckets_fit()


def test_midnight_as_an_end_is_the_whole_day(context: Flask) -> None:
    organization = Organization(
        reminder_lead_days=14,
        reminder_rhythm_days=2,
        window_opens_minute=0,
        window_closes_minute=1440,
        time_zone="UTC",
    )
    assert policy.policy_of(organization).window_closes == time.max
