"""Tokens that nothing else would notice dying are looked at."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug import Response

from portal.db import db, reading, transaction
from portal.models import Connection, Grant, Incident, Probe
from portal.models.columns import new_id
from portal.rules.problems import ReconsentRequired
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault
from portal.services import connections, holders, incidents, probe_plans, probes, token_store, tokens
from tests.factories import NOON, Person, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import events, outbox
from tests.services.whoami import Whoami, json, refused, who_answers

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
UNRELATED = [
    (500, '{"error": "invalid_token"}'),
    (429, '{"error": "invalid_token"}'),
    (200, "<html>"),
    (200, "{}"),
    (404, '{"message": "no such thing"}'),
]


@pytest.fixture
def whoami(stub: StubProvider, environ: dict[str, str]) -> Whoami:
    return who_answers(stub, environ)


@pytest.fixture(autouse=True)
def portal(whoami: Whoami, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def make_lasting(owner: Person, **more: object) -> UUID:
    """A connection whose token never ends and is never refreshed, to be asked about now."""
    given = {"provider_id": "stub", "subject": "login-1", "access_ends_in": None, "refresh_token": None} | more
    connection_id = make_connection(owner, **given)  # type: ignore[arg-type]
    make_due(connection_id)
    return connection_id


@transaction
def make_due(connection_id: UUID, *, due_at: datetime = NOON, provider_id: str = "stub") -> None:
    db.session.add(Probe(connection_id=connection_id, provider_id=provider_id, due_at=due_at))


@pytest.fixture
def ana_lasting(portal: Flask, world: World) -> UUID:
    return make_lasting(world.ana)


def probe_due(now: datetime = NOON) -> int:
    return sum(probes.probe_batch(batch, now=now) for batch in probes.claim_due_batches(now=now))


@reading
def planned(connection_id: UUID) -> Probe | None:
    row = db.session.scalar(select(Probe).where(Probe.connection_id == connection_id))
    db.session.expunge_all()
    return row


@reading
def standing(connection_id: UUID) -> tuple[ConnectionState, str | None]:
    columns = select(Connection.state, Connection.state_reason).where(Connection.id == connection_id)
    state, reason = db.session.execute(columns).one()
    return state, reason


def test_a_token_that_lives_is_asked_about_again_within_a_day(ana_lasting: UUID, world: World, whoami: Whoami) -> None:
    assert probe_due() == 1
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is not None
    assert 0.9 * DAY <= row.due_at - NOON <= DAY
    assert (row.last_ok_at, row.failures, row.claimed_until) == (NOON, 0, None)
    assert whoami.shown == ["access-1"]
    assert probes.last_checked_at(world.ana.asker, ana_lasting) == NOON
    assert probes.last_checked_at(world.eve.asker, ana_lasting) is None


def test_what_its_refreshes_prove_is_not_asked_about_again(world: World, whoami: Whoami) -> None:
    connection_id = make_lasting(world.ana, access_ends_in=HOUR, refresh_token="refresh-1")
    assert probe_due() == 1
    row = planned(connection_id)
    assert row is not None
    assert (row.due_at, row.last_ok_at) == (None, NOON)


def test_a_dead_token_that_nothing_renews_needs_its_member(ana_lasting: UUID, world: World, whoami: Whoami) -> None:
    whoami.answering = lambda _token: refused()
    assert probe_due() == 0
    assert standing(ana_lasting)[0] is ConnectionState.NEEDS_RECONSENT
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is None


def test_a_dead_token_is_not_handed_out_any_more(ana_lasting: UUID, world: World, whoami: Whoami) -> None:
    whoami.answering = lambda _token: refused()
    probe_due()
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(world.ana.asker, ana_lasting, now=NOON)


def test_an_ended_token_is_refreshed_once_and_shown_again(world: World, stub: StubProvider, whoami: Whoami) -> None:
    connection_id = make_lasting(world.ana, access_ends_in=HOUR, refresh_token="refresh-1")
    whoami.answering = lambda token: refused() if token == "access-1" else None
    assert probe_due() == 1
    assert whoami.shown == ["access-1", "access-2"]
    assert stub.refreshes == ["refresh-1"]
    assert standing(connection_id)[0] is ConnectionState.ACTIVE


def test_a_token_past_its_end_is_refreshed_before_it_is_shown(world: World, whoami: Whoami) -> None:
    make_lasting(world.ana, access_ends_in=HOUR, refresh_token="refresh-1")
    assert probe_due(NOON + HOUR) == 1
    assert whoami.shown == ["access-2"]


def test_a_new_token_that_is_refused_all_the_same_is_told_to_admins_once(world: World, whoami: Whoami) -> None:
    connection_id = make_lasting(world.ana, access_ends_in=HOUR, refresh_token="refresh-1")
    whoami.answering = lambda _token: refused()
    probe_due()
    probe_due(NOON + HOUR)
    assert standing(connection_id)[0] is ConnectionState.ACTIVE
    assert [email.member_id for email in outbox()] == [world.chloe.id]


def test_a_refresh_that_is_refused_calls_for_the_member(world: World, stub: StubProvider, whoami: Whoami) -> None:
    connection_id = make_lasting(world.ana, access_ends_in=HOUR, refresh_token="gone")
    whoami.answering = lambda _token: refused()
    probe_due()
    assert standing(connection_id)[0] is ConnectionState.NEEDS_RECONSENT
    row = planned(connection_id)
    assert row is not None
    assert row.due_at is None


@pytest.mark.parametrize(("status", "body"), UNRELATED)
def test_what_says_nothing_about_the_tokens_changes_nothing(
    ana_lasting: UUID, whoami: Whoami, status: int, body: str
) -> None:
    whoami.answering = lambda _token: json(body, status)
    before = token_store.read(ana_lasting)
    assert probe_due() == 0
    assert token_store.read(ana_lasting) == before
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is not None
    assert (row.failures, row.due_at > NOON + timedelta(minutes=9)) == (1, True)


def test_a_missing_scope_proves_that_the_token_lives(ana_lasting: UUID, whoami: Whoami) -> None:
    whoami.answering = lambda _token: refused("insufficient_scope", 403)
    assert probe_due() == 1


def test_another_logins_tokens_are_quarantined_and_admins_told(ana_lasting: UUID, world: World, whoami: Whoami) -> None:
    whoami.login = "somebody-else"
    assert probe_due() == 0
    state, reason = standing(ana_lasting)
    assert state is ConnectionState.NEEDS_RECONSENT
    assert reason is not None
    assert "another login" in reason
    assert [event.facts for event in events("subject:changed")] == [{"learned": False}]
    (told,) = outbox()
    assert (told.member_id, told.place) == (world.chloe.id, f"/admin/connections/{ana_lasting}")
    with pytest.raises(ReconsentRequired) as refusal:
        tokens.fresh_access_token(world.ana.asker, ana_lasting, now=NOON)
    assert "another login" in refusal.value.reason


def test_tokens_replaced_while_the_provider_was_asked_are_left_alone(
    portal: Flask, ana_lasting: UUID, whoami: Whoami
) -> None:
    @transaction
    def replace() -> None:
        db.session.execute(update(Grant).where(Grant.connection_id == ana_lasting).values(generation=2))

    def meanwhile(_token: str) -> Response:
        with portal.app_context():
            replace()
        return refused()

    whoami.answering = meanwhile
    probe_due()
    assert standing(ana_lasting)[0] is ConnectionState.ACTIVE
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is not None
    assert row.due_at <= NOON + timedelta(minutes=5)


def test_a_probe_planned_anew_meanwhile_is_not_put_off(portal: Flask, ana_lasting: UUID, whoami: Whoami) -> None:
    provider = portal.extensions["reconsent"].catalog.get("stub")

    def meanwhile(_token: str) -> None:
        with portal.app_context():
            transaction(probe_plans.plan)(ana_lasting, provider, now=NOON)

    whoami.answering = meanwhile
    probe_due()
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is not None
    assert row.due_at <= NOON + timedelta(minutes=5)


def test_accounts_that_changed_are_stored_and_told(ana_lasting: UUID, whoami: Whoami) -> None:
    probe_due()
    whoami.accounts = '[{"id": "2", "name": "Page two"}]'
    make_due_again(ana_lasting)
    probe_due()
    assert [event.facts for event in events("accounts:changed")] == [{"lost": ["Page one"], "gained": ["Page two"]}]
    assert accounts_of(ana_lasting) == [{"id": "2", "name": "Page two"}]


def test_accounts_that_were_unknown_are_learned_without_a_word(ana_lasting: UUID) -> None:
    probe_due()
    assert accounts_of(ana_lasting) == [{"id": "1", "name": "Page one"}]
    assert events("accounts:changed") == []


def test_a_list_that_does_not_come_is_no_empty_list(ana_lasting: UUID, whoami: Whoami) -> None:
    probe_due()
    whoami.accounts = '"later"'
    make_due_again(ana_lasting)
    assert probe_due() == 1
    assert accounts_of(ana_lasting) == [{"id": "1", "name": "Page one"}]


def test_an_unknown_login_is_learned(ana_lasting: UUID, world: World) -> None:
    forget_subject(ana_lasting)
    assert probe_due() == 1
    assert subject_of(ana_lasting) == "login-1"
    assert [event.facts for event in events("subject:changed")] == [{"learned": True}]


def test_an_unknown_login_that_another_connection_holds_is_left_unknown(ana_lasting: UUID, world: World) -> None:
    forget_subject(ana_lasting)
    make_connection(world.ben, provider_id="stub", subject="login-1")
    assert probe_due() == 1
    assert subject_of(ana_lasting) is None


def test_a_provider_has_one_batch_out_at_a_time(world: World) -> None:
    for number in range(probes.BATCH + 1):
        make_lasting(world.ana, subject=f"login-{number}")
    (batch,) = probes.claim_due_batches(now=NOON)
    assert len(batch) == probes.BATCH
    assert probes.claim_due_batches(now=NOON) == ()
    assert len(probes.claim_due_batches(now=NOON + probes.CLAIM_LASTS)) == 1


def test_a_silent_provider_is_not_asked_for_a_whole_batch(world: World, whoami: Whoami) -> None:
    for number in range(probes.BATCH):
        make_lasting(world.ana, subject=f"login-{number}")
    whoami.answering = lambda _token: json("", 503)
    assert probe_due() == 0
    assert len(whoami.shown) == probes.WIDTH
    assert probes.claim_due_batches(now=NOON + timedelta(minutes=5)) == ()


def test_a_sick_provider_delays_no_other(world: World) -> None:
    make_lasting(world.ana)
    probes.claim_due_batches(now=NOON)  # and nobody has come back yet
    other = make_connection(world.ana, provider_id="demo-social")
    make_due(other, provider_id="demo-social")
    assert probes.claim_due_batches(now=NOON) == ((other,),)


def test_what_is_disconnected_is_asked_about_no_more(ana_lasting: UUID, world: World) -> None:
    connections.disconnect(world.ana.asker, ana_lasting, now=NOON)
    assert planned(ana_lasting) is None


def test_what_is_displaced_is_asked_about_no_more(ana_lasting: UUID) -> None:
    transaction(holders.forget_tokens)(ana_lasting)
    assert planned(ana_lasting) is None


def test_what_ended_without_a_word_is_asked_about_no_more(ana_lasting: UUID, whoami: Whoami) -> None:
    @transaction
    def end() -> None:
        db.session.get_one(Connection, ana_lasting).state = ConnectionState.NEEDS_RECONSENT

    end()
    probe_due()
    assert whoami.shown == []
    row = planned(ana_lasting)
    assert row is not None
    assert row.due_at is None


def test_connections_from_before_are_planned_over_the_interval(world: World) -> None:
    lasting = [
        make_connection(world.ana, provider_id="stub", access_ends_in=None, refresh_token=None) for _ in range(20)
    ]
    refreshed = make_connection(world.ben, provider_id="stub")
    invited = make_connection(world.ben, provider_id="stub", state=ConnectionState.INVITED)
    stranger = make_connection(world.ben, provider_id="gone", access_ends_in=None)
    assert probes.plan_missing(now=NOON) == 22
    assert probes.plan_missing(now=NOON) == 0
    due = [row.due_at for row in map(planned, lasting) if row is not None and row.due_at is not None]
    assert len(due) == 20
    assert all(NOON <= moment < NOON + DAY for moment in due)
    assert max(due) - min(due) > DAY / 2
    assert [row and row.due_at for row in map(planned, (refreshed, invited, stranger))] == [None, None, None]
    assert planned(invited) is None


def make_due_again(connection_id: UUID) -> None:
    @transaction
    def due() -> None:
        db.session.execute(update(Probe).where(Probe.connection_id == connection_id).values(due_at=NOON))

    due()


@transaction
def forget_subject(connection_id: UUID) -> None:
    db.session.get_one(Connection, connection_id).subject = None


@reading
def subject_of(connection_id: UUID) -> str | None:
    return db.session.scalar(select(Connection.subject).where(Connection.id == connection_id))


@reading
def accounts_of(connection_id: UUID) -> list[dict[str, str]] | None:
    return db.session.scalar(select(Grant.accounts).where(Grant.connection_id == connection_id))


def test_many_refused_at_once_are_held_and_believed_once_released(world: World, whoami: Whoami) -> None:
    connections_ = [make_lasting(world.ana, subject=f"login-{number}") for number in range(20)]
    whoami.answering = lambda _token: refused()
    probe_due()
    states = [standing(one)[0] for one in connections_]
    assert states.count(ConnectionState.ACTIVE) > 0
    (incident,) = incidents.open_ones(world.chloe.asker)
    incidents.release(world.chloe.asker, incident.id, now=NOON)
    probe_due(NOON + DAY)
    assert {standing(one)[0] for one in connections_} == {ConnectionState.NEEDS_RECONSENT}


def test_those_held_go_on_where_the_provider_takes_them_again(world: World, whoami: Whoami) -> None:
    connections_ = [make_lasting(world.ana, subject=f"login-{number}") for number in range(20)]
    whoami.answering = lambda _token: refused()
    probe_due()
    held = [one for one in connections_ if standing(one)[0] is ConnectionState.ACTIVE]
    whoami.answering = lambda _token: refused("insufficient_scope", 403)  # alive, whoever it is
    assert probe_due(NOON + HOUR) == len(held)
    assert incidents.open_ones(world.chloe.asker) == ()
    assert {token_store.read(one).last_fault for one in held} == {None}  # type: ignore[union-attr]


def test_a_provider_that_is_down_is_not_asked_what_can_wait(world: World) -> None:
    make_lasting(world.ana)
    make_incident(Fault.TRANSIENT)
    assert probes.claim_due_batches(now=NOON) == ()


@transaction
def make_incident(fault: Fault) -> None:
    moments = {"began_at": NOON, "last_failure_at": NOON, "next_trial_at": NOON}
    db.session.add(Incident(id=new_id(), provider_id="stub", fault=fault, reason="down", successes=0, **moments))
