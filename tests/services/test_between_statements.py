"""What others commit between two statements of a transaction: PostgreSQL shows it to the second."""

import io
from datetime import timedelta
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.db import db, reading, transaction
from portal.models import Connection, Reminder
from portal.rules.imported import COLUMNS
from portal.rules.problems import LastAdmin
from portal.rules.reminders import ReminderPolicy
from portal.rules.roles import Role
from portal.services import connection_imports, member_imports, members, policy, reminders, sessions
from tests.factories import NOON, World, make_connection, make_member
from tests.mail_sink import Sink
from tests.meanwhile import meanwhile
from tests.outbox import make_reminded, replan, series
from tests.outbox import sweep as sweep_and_send

DAY = timedelta(days=1)
EARLY = ReminderPolicy(lead_days=30, rhythm_days=10)
pytestmark = [pytest.mark.postgresql, pytest.mark.usefixtures("context")]


def load_members(world: World, line: str) -> None:
    file = io.BytesIO(f"email,name,role,team\n{line}".encode())
    member_imports.import_members(world.chloe.asker, file, now=NOON)


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


def test_others_go_on_writing_while_a_policy_changes(context: Flask, world: World) -> None:
    make_reminded(world.ana, ends_in=40 * DAY)
    writing = partial(make_connection, world.ben, subject="another")
    with meanwhile(context, writing, after="UPDATE reminders") as ben:
        policy.change(world.chloe.asker, EARLY, policy_period_days=None, now=NOON)
    assert not ben.had_to_wait


def test_what_refers_to_a_connection_is_written_while_its_end_moves(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=None)
    replan(connection_id, now=NOON, consent_end_source=None)
    as_a_foreign_key_does = text("SELECT FROM connections WHERE id = :id FOR KEY SHARE").bindparams(id=connection_id)
    referring = transaction(lambda: db.session.execute(as_a_foreign_key_does))
    with meanwhile(context, referring, after="UPDATE connections") as ana:
        policy.change(world.chloe.asker, EARLY, policy_period_days=40, now=NOON)
    assert not ana.had_to_wait


def test_a_policy_is_changed_after_an_import_that_plans_by_the_present_one(context: Flask, world: World) -> None:
    ends = (NOON + 40 * DAY).isoformat()
    file = io.BytesIO(f"{','.join(COLUMNS)}\n{world.ana.email},demo-social,,sub,access,refresh,,{ends},".encode())
    changing = partial(policy.change, world.chloe.asker, EARLY, policy_period_days=None, now=NOON)
    with meanwhile(context, changing, after="FOR SHARE") as chloe:
        connection_imports.import_connections(world.chloe.asker, file, now=NOON)
    assert chloe.had_to_wait
    assert reading(lambda: db.session.scalars(select(Reminder.next_step)).all())() == [30]


@pytest.mark.parametrize("after", ["UPDATE organizations", "UPDATE reminders"])
def test_a_renewal_in_the_middle_of_a_changed_policy_is_planned_by_the_new_one(
    after: str, context: Flask, world: World
) -> None:
    connection_id = make_reminded(world.ana, ends_in=40 * DAY)
    renewing = partial(replan, connection_id, now=NOON, is_fresh=True, consent_expires_at=NOON + 90 * DAY)
    with meanwhile(context, renewing, after=after):
        policy.change(world.chloe.asker, EARLY, policy_period_days=None, now=NOON)
    row = series(connection_id)
    assert row is not None
    assert (row.next_step, row.next_at) == (30, NOON + 60 * DAY)


def test_a_policy_is_changed_after_whoever_plans_by_the_present_one(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=40 * DAY)
    changing = partial(policy.change, world.chloe.asker, EARLY, policy_period_days=None, now=NOON)
    with meanwhile(context, changing, after="INSERT INTO reminders"):
        replan(connection_id, now=NOON)
    row = series(connection_id)
    assert row is not None
    assert (row.next_step, row.next_at) == (30, NOON + 10 * DAY)


def test_a_new_period_that_locks_itself_out_with_a_renewal_is_tried_again(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=None)
    replan(connection_id, now=NOON, consent_end_source=None)

    @transaction
    def connect_anew() -> None:
        db.session.execute(text("SET LOCAL deadlock_timeout = '60s'"))  # so that the other one has to give in
        replan(connection_id, now=NOON, subject_label="Ana again")

    with meanwhile(context, connect_anew, after="UPDATE organizations") as ana:
        policy.change(world.chloe.asker, EARLY, policy_period_days=40, now=NOON)
    assert ana.had_to_wait
    row = series(connection_id)
    assert row is not None
    assert row.next_at == NOON + 10 * DAY


def test_a_date_that_moves_a_little_takes_no_step_out_of_its_email(context: Flask, world: World, smtp: Sink) -> None:
    connection_id = make_reminded(world.ana, ends_in=9 * DAY)

    @transaction
    def move() -> None:
        connection = db.session.get_one(Connection, connection_id, with_for_update=True)
        connection.consent_expires_at = NOON + 9 * DAY + timedelta(hours=2)
        reminders.go_on(connection, now=NOON + timedelta(seconds=5))

    with meanwhile(context, partial(reminders.claim_due, now=NOON), after="FROM reminders WHERE reminders.connection"):
        move()
    row = series(connection_id)
    assert row is not None
    assert (row.email_id is None) != (row.next_at is None), "claimed by an e-mail, or due: never both"


@pytest.mark.parametrize("after", ["FROM members", "UPDATE members"])
def test_admins_sign_in_while_members_are_imported(after: str, context: Flask, world: World) -> None:
    signing_in = partial(sessions.begin, world.chloe.id, browser="x", now=NOON)
    with meanwhile(context, signing_in, after=after) as chloe:
        load_members(world, f"{world.ana.email},Ana Again,,")
    assert not chloe.had_to_wait


def test_whoever_is_changed_by_an_import_can_be_referred_to(context: Flask, world: World) -> None:
    as_a_foreign_key_does = text("SELECT FROM members WHERE id = :id FOR KEY SHARE").bindparams(id=world.ana.id)
    referring = transaction(lambda: db.session.execute(as_a_foreign_key_does))
    with meanwhile(context, referring, after="UPDATE members") as ana:
        load_members(world, f"{world.ana.email},Ana Again,,")
    assert not ana.had_to_wait


def test_an_import_that_takes_an_admin_away_and_whoever_takes_the_other_one_come_after_each_other(
    context: Flask, world: World
) -> None:
    dora = make_member(world.acme, "Dora", "dora@acme.example", Role.ORG_ADMIN)
    refusals: list[LastAdmin] = []

    def deactivate() -> None:
        try:
            members.deactivate(world.chloe.asker, dora.id, now=NOON)
        except LastAdmin as refused:
            refusals.append(refused)

    with meanwhile(context, deactivate, after="UPDATE members") as somebody:
        load_members(world, f"{world.chloe.email},,member,")
    assert (somebody.had_to_wait, len(refusals)) == (True, 1)
