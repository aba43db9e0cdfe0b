"""Where each connection stands in its series, and what changes that."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Connection
from portal.rules.problems import Conflict, NotFound, RateLimited
from portal.rules.status import ConnectionState
from portal.services import reminders
from tests.factories import NOON, World, make_connection
from tests.mail_sink import Sink
from tests.outbox import deliver_due, make_reminded, replan, series, set_policy, sweep

DAY = timedelta(days=1)
pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]


@pytest.fixture
def context(smtp: Sink, context: Flask) -> Flask:
    return context


def test_a_connection_first_seen_late_starts_at_once_with_the_newest_step(world: World) -> None:
    row = series(make_reminded(world.ana, ends_in=9 * DAY))
    assert row is not None
    assert (row.next_step, row.next_at, row.last_step) == (10, NOON, None)


def test_somebody_who_has_just_renewed_is_not_reminded_of_steps_that_have_passed(world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=9 * DAY)
    replan(connection_id, now=NOON, is_fresh=True)
    row = series(connection_id)
    assert row is not None
    assert (row.next_step, row.next_at, row.last_step) == (8, NOON + DAY, 10)


@pytest.mark.parametrize("state", [ConnectionState.DISCONNECTED, ConnectionState.DISPLACED, ConnectionState.INVITED])
def test_a_connection_that_holds_no_login_has_no_series(world: World, state: ConnectionState) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    replan(connection_id, now=NOON, state=state)
    assert series(connection_id) is None


def test_a_connection_without_an_end_has_no_series(world: World) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    replan(connection_id, now=NOON, consent_expires_at=None)
    assert series(connection_id) is None


def test_a_renewal_lets_go_of_the_email_that_was_about_to_leave(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    assert reminders.claim_due(now=NOON) == 1
    replan(connection_id, now=NOON, is_fresh=True, consent_expires_at=NOON + 60 * DAY)
    sweep(NOON)
    row = series(connection_id)
    assert row is not None
    assert (row.email_id, row.next_at) == (None, NOON + 46 * DAY)
    assert smtp.taken == []


def test_a_new_rhythm_counts_from_now_on_and_repeats_nothing(world: World) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)
    sweep(NOON)
    set_policy(world.acme, reminder_lead_days=20, reminder_rhythm_days=5)
    assert reminders.replan_organization(world.chloe.asker, now=NOON) == 1
    row = series(connection_id)
    assert row is not None
    assert (row.last_step, row.next_step, row.next_at) == (10, 5, NOON + 4 * DAY)


def test_another_organizations_policy_changes_nothing_here(world: World) -> None:
    connection_id = make_reminded(world.ana, ends_in=30 * DAY)
    set_policy(world.globex, reminder_lead_days=60)
    assert reminders.replan_organization(world.eve.asker, now=NOON) == 0
    row = series(connection_id)
    assert row is not None
    assert row.next_at == NOON + 16 * DAY


def test_an_admin_reminds_out_of_turn_and_the_series_goes_on_as_planned(world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=30 * DAY)
    before = series(connection_id)
    reminders.remind_now(world.chloe.asker, connection_id, now=NOON)
    sweep(NOON)
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{connection_id}=30"
    after = series(connection_id)
    assert before is not None
    assert after is not None
    assert (after.next_at, after.next_step, after.last_step) == (before.next_at, before.next_step, before.last_step)


def test_an_admins_wish_joins_the_reminder_that_waits_already(world: World, smtp: Sink) -> None:
    due, other = make_reminded(world.ana, ends_in=9 * DAY), make_reminded(world.ana, ends_in=30 * DAY)
    reminders.claim_due(now=NOON)
    reminders.remind_now(world.chloe.asker, other, now=NOON)
    sweep(NOON)
    (mail,) = smtp.taken
    assert mail["X-Reconsent-Steps"] == f"{due}=10, {other}=30"


def test_pressing_send_reminder_twice_mails_once(world: World) -> None:
    connection_id = make_reminded(world.ana, ends_in=30 * DAY)
    reminders.remind_now(world.chloe.asker, connection_id, now=NOON)
    with pytest.raises(RateLimited):
        reminders.remind_now(world.chloe.asker, connection_id, now=NOON + timedelta(minutes=9))
    reminders.remind_now(world.chloe.asker, connection_id, now=NOON + timedelta(minutes=10))


def test_nobody_is_reminded_of_what_never_ends_and_nobody_reaches_another_organization(world: World) -> None:
    endless = make_connection(world.ana, consent_ends_in=None)
    with pytest.raises(Conflict):
        reminders.remind_now(world.chloe.asker, endless, now=NOON)
    with pytest.raises(NotFound):
        reminders.remind_now(world.eve.asker, make_reminded(world.ana, ends_in=DAY), now=NOON)


@pytest.mark.parametrize(
    ("ends_in", "kind", "step", "words"),
    [
        (timedelta(hours=3), "reminder", 1, "ends today"),
        (timedelta(seconds=1), "reminder", 1, "ends today"),
        (timedelta(hours=14), "reminder", 1, "ends tomorrow"),
        (timedelta(0), "final_notice", 0, "has ended"),
        (-5 * DAY, "final_notice", 0, "has ended"),
    ],
)
def test_out_of_turn_on_the_last_day_it_is_still_a_reminder(
    world: World, smtp: Sink, ends_in: timedelta, kind: str, step: int, words: str
) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=ends_in)
    reminders.remind_now(world.chloe.asker, connection_id, now=NOON)
    deliver_due(NOON)
    (mail,) = smtp.taken
    assert (mail["X-Reconsent-Kind"], mail["X-Reconsent-Steps"]) == (kind, f"{connection_id}={step}")
    assert words in mail["Subject"]


def test_many_are_planned_at_once_as_each_would_be(world: World) -> None:
    ids = [make_connection(world.ana, consent_ends_in=days * DAY) for days in (3, 9, 40)]

    @transaction
    def plan_all() -> None:
        rows = [db.session.get_one(Connection, one) for one in ids]
        reminders.plan_many(rows, now=NOON, is_fresh=False)

    plan_all()
    planned = [series(one) for one in ids]
    assert [row and row.next_step for row in planned] == [4, 10, 14]


def test_a_reminder_waits_for_the_organizations_morning(world: World) -> None:
    set_policy(world.acme, time_zone="America/New_York")
    row = series(make_reminded(world.ana, ends_in=9 * DAY, now=NOON.replace(hour=9)))
    assert row is not None
    assert row.next_at == datetime(2026, 3, 10, 12, tzinfo=UTC)  # 08:00 in New York
