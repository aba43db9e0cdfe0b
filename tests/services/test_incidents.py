"""Many like failures of one provider are its own trouble: nobody is condemned or mailed, and it is asked less."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.models.email import EmailKind, EmailStatus
from portal.rules import incidents as rules
from portal.rules.problems import NotFound, ProviderUnavailable, ReconsentRequired
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault
from portal.services import incidents, reminders, tokens
from portal.services.asker import Asker
from tests.crowd import Crowd, connection_of, grant_of, make_crowd
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import deliver_due, events, make_reminded, outbox, series
from tests.outbox import sweep as sweep_and_send

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("smtp")]

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
DUE = NOON + timedelta(minutes=50)
MANY = 30
ASK_ALL = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def crowd(portal: Flask, stub: StubProvider) -> Crowd:
    return Crowd(stub)


@pytest.fixture
def many() -> int:
    """How many connections there are; a test parametrizes it."""
    return MANY


@pytest.fixture
def connection_ids(portal: Flask, world: World, many: int) -> list[UUID]:
    """Ana's connections at the stub, all due at ten to one."""
    return make_crowd(world.ana, many)


def refresh_due(now: datetime) -> int:
    return sum(tokens.refresh_batch(batch, now=now) for batch in tokens.claim_due_batches(now=now))


def go_on(since: datetime, *, until: datetime, by: timedelta = 15 * SECOND) -> datetime:
    """The ticks of that time."""
    now = since
    while now < until:
        refresh_due(now)
        now += by
    return now


def states(connection_ids: list[UUID]) -> Counter[ConnectionState]:
    return Counter(connection_of(one).state for one in connection_ids)


def mails(*kinds: EmailKind) -> list[UUID]:
    return [email.member_id for email in outbox() if email.kind in kinds]


def all_fail(how: str) -> Callable[[int], str]:
    return lambda _number: how


@pytest.mark.parametrize("many", [MANY, pytest.param(5_000, marks=[pytest.mark.soak, pytest.mark.timeout(0)])])
@pytest.mark.parametrize(
    ("how", "fault", "begins_at"),
    [
        ("wrong secret", Fault.APP_CONFIG, DUE),
        ("down", Fault.TRANSIENT, DUE),
        ("too many", Fault.RATE_LIMITED, DUE + MINUTE),  # once everybody has waited, and is turned away again
    ],
)
def test_a_provider_in_trouble_costs_one_alert_and_few_questions(
    world: World,
    crowd: Crowd,
    connection_ids: list[UUID],
    many: int,
    caplog: pytest.LogCaptureFixture,
    how: str,
    fault: Fault,
    begins_at: datetime,
):
    crowd.trouble = all_fail(how)
    caplog.set_level(logging.ERROR)
    go_on(DUE, until=begins_at + SECOND)
    first_calls = crowd.calls
    go_on(begins_at + 15 * SECOND, until=begins_at + 5 * MINUTE)
    sweep_and_send(DUE + 5 * MINUTE)
    assert mails(EmailKind.ALERT) == [world.chloe.id]
    assert mails(EmailKind.REMINDER, EmailKind.FINAL_NOTICE) == []
    assert states(connection_ids) == {ConnectionState.ACTIVE: many}
    (seen,) = incidents.open_ones(world.chloe.asker)
    assert (seen.provider_id, seen.fault, seen.own_connections, seen.is_holding_mail) == ("stub", fault, many, True)
    assert crowd.calls - first_calls <= timedelta(minutes=5) / rules.TRIAL_EVERY
    assert sum("incident" in record.getMessage() for record in caplog.records) == 1


def test_a_provider_that_recovers_is_asked_about_everybody_again_spread_out(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("down")
    now = go_on(DUE, until=DUE + 5 * MINUTE)
    crowd.trouble = lambda _number: None
    at_once = []
    for _ in range(20):
        at_once.append(refresh_due(now))
        now += 15 * SECOND
    assert [grant_of(one).generation for one in connection_ids] == [2] * MANY
    assert max(at_once) <= MANY / 2
    assert incidents.open_ones(world.chloe.asker) == ()
    (over,) = incidents.latest(world.chloe.asker)
    assert over.healed_at is not None
    assert [event.facts for event in events("incident:healed")] == [{"provider": "Stub"}]


def test_backends_are_not_let_through_to_a_provider_that_is_down(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("down")
    refresh_due(DUE)
    calls, ended = crowd.calls, NOON + timedelta(hours=1, seconds=1)
    go_on(DUE + MINUTE, until=ended - MINUTE, by=MINUTE)
    calls = crowd.calls
    for one in connection_ids:
        with pytest.raises(ProviderUnavailable):
            tokens.fresh_access_token(world.ana.asker, one, now=ended)
    assert crowd.calls - calls <= 1


def test_an_app_that_is_refused_for_the_only_connection_there_is_is_told(world: World, crowd: Crowd):
    (only,) = make_crowd(world.ana, 1)
    crowd.trouble = all_fail("wrong secret")
    refresh_due(DUE)
    assert mails(EmailKind.ALERT) == [world.chloe.id]
    crowd.trouble = lambda _number: None
    go_on(DUE, until=DUE + 5 * MINUTE)
    assert grant_of(only).generation == 2
    assert incidents.open_ones(world.chloe.asker) == ()


def test_few_failures_are_no_incident(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = lambda number: "down" if number < rules.LEAST - 1 else None
    refresh_due(DUE)
    assert incidents.open_ones(world.chloe.asker) == ()
    assert mails(EmailKind.ALERT) == []


def test_failures_that_passed_do_not_add_up_to_an_incident(world: World, crowd: Crowd, connection_ids: list[UUID]):
    failing: set[int] = set()
    crowd.trouble = lambda number: None if number in failing else failing.add(number) or "down"
    for first in range(0, MANY, 5):
        tokens.refresh_batch(connection_ids[first : first + 5], now=DUE + first * SECOND)
        tokens.refresh_batch(connection_ids[first : first + 5], now=DUE + (first + 1) * SECOND)
    assert len(failing) == MANY
    assert incidents.open_ones(world.chloe.asker) == ()


def test_a_provider_that_suddenly_refuses_everybody_has_nobody_mailed(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("revoked")
    now = go_on(DUE, until=DUE + 30 * MINUTE, by=MINUTE)
    sweep_and_send(now)
    assert mails(EmailKind.REMINDER, EmailKind.FINAL_NOTICE) == []
    assert mails(EmailKind.ALERT) == [world.chloe.id]
    assert states(connection_ids)[ConnectionState.ACTIVE] > MANY - rules.LEAST
    (seen,) = incidents.open_ones(world.chloe.asker)
    assert seen.fault is Fault.REVOKED


def test_backends_are_told_to_wait_while_a_refusal_is_not_believed(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("revoked")
    refresh_due(DUE)
    held = next(one for one in connection_ids if connection_of(one).state is ConnectionState.ACTIVE)
    with pytest.raises(ProviderUnavailable):
        tokens.fresh_access_token(world.ana.asker, held, min_ttl=timedelta(days=1), now=DUE + ASK_ALL)


def test_connections_that_are_not_refused_stay_fresh_meanwhile(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = lambda number: "revoked" if number < 20 else None
    refresh_due(DUE)
    assert [grant_of(one).generation for one in connection_ids[20:]] == [2] * 10
    assert len(incidents.open_ones(world.chloe.asker)) == 1


def test_when_refused_connections_work_again_the_incident_is_over_and_the_rest_is_told(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("revoked")
    now = go_on(DUE, until=DUE + 10 * MINUTE, by=MINUTE)
    condemned = states(connection_ids)[ConnectionState.NEEDS_RECONSENT]
    crowd.trouble = lambda _number: None
    now = go_on(now, until=now + 30 * MINUTE, by=MINUTE)
    assert incidents.open_ones(world.chloe.asker) == ()
    assert states(connection_ids) == {
        ConnectionState.ACTIVE: MANY - condemned,
        ConnectionState.NEEDS_RECONSENT: condemned,
    }
    sweep_and_send(now)
    assert mails(EmailKind.FINAL_NOTICE) == ([world.ana.id] if condemned else [])


def test_who_was_given_up_is_not_claimed_again_when_the_incident_is_over(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("revoked")
    now = go_on(DUE, until=DUE + 10 * MINUTE, by=MINUTE)
    crowd.trouble = lambda _number: None
    go_on(now, until=now + 30 * MINUTE, by=MINUTE)
    assert incidents.open_ones(world.chloe.asker) == ()
    condemned = [one for one in connection_ids if connection_of(one).state is ConnectionState.NEEDS_RECONSENT]
    assert condemned
    assert {grant_of(one).refresh_due_at for one in condemned} == {None}


def test_an_admin_who_believes_the_refusals_has_the_members_told(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("revoked")
    now = go_on(DUE, until=DUE + 10 * MINUTE, by=MINUTE)
    (seen,) = incidents.open_ones(world.chloe.asker)
    incidents.release(world.chloe.asker, seen.id, now=now)
    incidents.release(world.chloe.asker, seen.id, now=now)
    now = go_on(now, until=now + 5 * MINUTE, by=MINUTE)
    assert states(connection_ids) == {ConnectionState.NEEDS_RECONSENT: MANY}
    sweep_and_send(now)
    assert mails(EmailKind.FINAL_NOTICE) == [world.ana.id]
    (still,) = incidents.open_ones(world.chloe.asker)
    assert not still.is_holding_mail
    assert [event.actor for event in events("incident:released")] == [world.chloe.asker.actor]


def test_one_organization_releases_its_own_members_only(world: World, crowd: Crowd, connection_ids: list[UUID]):
    eves = make_connection(world.eve, provider_id="stub", refresh_token="99:1", consent_ends_in=timedelta(days=9))
    crowd.trouble = all_fail("revoked")
    now = go_on(DUE, until=DUE + 10 * MINUTE, by=MINUTE)
    (seen,) = incidents.open_ones(world.eve.asker)
    assert seen.own_connections == 1
    incidents.release(world.chloe.asker, seen.id, now=now)
    go_on(now, until=now + 5 * MINUTE, by=MINUTE)
    assert connection_of(eves).state is ConnectionState.ACTIVE
    assert incidents.open_ones(world.eve.asker)[0].is_holding_mail
    assert sorted(mails(EmailKind.ALERT)) == sorted([world.chloe.id, world.eve.id])


def test_an_organization_without_connections_there_neither_sees_nor_releases_an_incident(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    crowd.trouble = all_fail("down")
    refresh_due(DUE)
    (seen,) = incidents.open_ones(world.chloe.asker)
    assert incidents.open_ones(world.eve.asker) == ()
    with pytest.raises(NotFound):
        incidents.release(world.eve.asker, seen.id, now=DUE)
    with pytest.raises(NotFound):
        incidents.release(Asker.portal(world.acme), world.ana.id, now=DUE)


def test_reminders_of_other_providers_and_of_announced_ends_go_out_as_ever(
    world: World, crowd: Crowd, connection_ids: list[UUID]
):
    make_reminded(world.ana, ends_in=timedelta(days=9))
    crowd.trouble = all_fail("revoked")
    refresh_due(DUE)
    sweep_and_send(DUE)
    assert mails(EmailKind.REMINDER) == [world.ana.id]


def test_a_final_notice_that_was_queued_already_waits_too(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = lambda number: "revoked" if number == 0 else None
    tokens.refresh_batch(connection_ids[:1], now=DUE)
    assert reminders.claim_due(now=DUE + SECOND) == 1
    crowd.trouble = all_fail("revoked")
    refresh_due(DUE + 2 * SECOND)
    assert len(incidents.open_ones(world.chloe.asker)) == 1
    deliver_due(DUE + 2 * SECOND)
    (withdrawn,) = [email for email in outbox() if email.kind is EmailKind.REMINDER]
    assert withdrawn.status is EmailStatus.WITHDRAWN
    row = series(connection_ids[0])
    assert row is not None
    assert (row.email_id, row.next_step) == (None, 0)


def test_an_incident_of_which_nobody_is_left_ends_by_itself(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = all_fail("revoked")
    refresh_due(DUE)
    tokens.tidy(now=DUE + rules.QUIET - MINUTE)
    assert len(incidents.open_ones(world.chloe.asker)) == 1
    tokens.tidy(now=DUE + rules.QUIET + MINUTE)
    assert incidents.open_ones(world.chloe.asker) == ()


def test_a_relapse_is_the_same_incident_and_no_second_alert(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = all_fail("down")
    now = go_on(DUE, until=DUE + 2 * MINUTE)
    crowd.trouble = lambda _number: None
    now = go_on(now, until=now + 5 * MINUTE)
    assert incidents.open_ones(world.chloe.asker) == ()
    crowd.trouble = all_fail("down")
    for one in connection_ids:
        with pytest.raises(ProviderUnavailable):
            tokens.fresh_access_token(world.ana.asker, one, min_ttl=timedelta(days=1), now=now)
    assert len(incidents.open_ones(world.chloe.asker)) == 1
    assert mails(EmailKind.ALERT) == [world.chloe.id]


def test_a_single_refusal_is_believed_at_once(world: World, crowd: Crowd, connection_ids: list[UUID]):
    crowd.trouble = lambda number: "revoked" if number == 3 else None
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(world.ana.asker, connection_ids[3], min_ttl=timedelta(days=1), now=DUE)
    assert connection_of(connection_ids[3]).state is ConnectionState.NEEDS_RECONSENT
