"""One connection that fails for ever, while all others at its provider are well."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.db import transaction
from portal.models.email import EmailKind
from portal.services import connections, failing, health, incidents, tokens
from portal.services.failing import Failing
from tests.crowd import Crowd, connection_of, grant_of, make_crowd, set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import outbox

pytestmark = pytest.mark.both_databases

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
DUE = NOON + 50 * MINUTE


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def crowd(portal: Flask, stub: StubProvider) -> Crowd:
    return Crowd(stub)


@pytest.fixture
def sick(world: World, crowd: Crowd) -> UUID:
    """One of Ana's four connections, for which the provider refuses our app from now on."""
    crowd.trouble = lambda number: "wrong secret" if number == 0 else None
    return make_crowd(world.ana, 4)[0]


def live(since: datetime, until: datetime, by: timedelta = HOUR / 2, *, tells: bool = True) -> datetime:
    """The ticks of that time; admins are told as the timetable says."""
    now = since
    while now <= until:
        for batch in tokens.claim_due_batches(now=now):
            tokens.refresh_batch(batch, now=now)
        if tells:
            failing.tell(now=now)
        now += by
    return now


def alerts() -> list[str]:
    return [email.detail["title"] for email in outbox() if email.kind is EmailKind.ALERT]


TITLE = "“Company page” at Stub could not be refreshed for a day"


def test_its_admins_are_told_after_a_day_and_once(world: World, sick: UUID) -> None:
    now = live(DUE, DUE + DAY - HOUR)
    assert alerts() == []
    live(now, DUE + 3 * DAY)
    assert incidents.open_ones(world.chloe.asker) == ()
    assert alerts() == [TITLE]
    (email,) = outbox()
    assert (email.member_id, email.place) == (world.chloe.id, f"/admin/connections/{sick}")
    assert "refuses our app" in email.detail["sentence"]


def test_what_works_again_and_fails_anew_is_told_anew(crowd: Crowd, sick: UUID) -> None:
    now = live(DUE, DUE + 2 * DAY)
    trouble, crowd.trouble = crowd.trouble, lambda _number: None
    now = live(now, now + 2 * HOUR)
    assert grant_of(sick).failing_since is None
    crowd.trouble = trouble
    live(now, now + 2 * DAY)
    assert alerts() == [TITLE, TITLE]


def test_several_that_fail_alike_are_one_email(world: World, crowd: Crowd) -> None:
    make_crowd(world.ana, 30)
    crowd.trouble = lambda number: "down" if number < 3 else None
    now = live(DUE, DUE + 2 * DAY, tells=False)
    assert (failing.tell(now=now), failing.tell(now=now)) == (3, 0)
    assert alerts() == ["3 connections at Stub could not be refreshed for a day"]
    (email,) = outbox()
    assert email.place == "/admin/connections?provider=stub"


def test_an_incident_is_told_as_one_and_not_connection_by_connection(world: World, crowd: Crowd) -> None:
    make_crowd(world.ana, 30)
    crowd.trouble = lambda _number: "down"
    now = live(DUE, DUE + 2 * DAY)
    assert len(alerts()) == 1
    crowd.trouble = lambda _number: None
    live(now, now + HOUR, by=MINUTE)
    assert incidents.open_ones(world.chloe.asker) == ()
    assert len(alerts()) == 1


def test_one_wait_of_a_day_that_the_provider_asks_for_is_no_failing_for_a_day(sick: UUID) -> None:
    set_grant(
        sick, failures=1, failing_since=DUE, last_fault="rate-limited", last_fault_at=DUE, refresh_due_at=DUE + DAY
    )
    assert failing.tell(now=DUE + DAY) == 0
    set_grant(sick, failures=2, last_fault_at=DUE + DAY)
    assert failing.tell(now=DUE + DAY + MINUTE) == 1


@pytest.mark.parametrize("end", ["given up", "disconnected", "ended as announced"])
def test_what_has_ended_is_failing_no_more(world: World, crowd: Crowd, sick: UUID, end: str) -> None:
    now = live(DUE, DUE + 2 * HOUR)
    assert grant_of(sick).failing_since is not None
    if end == "disconnected":
        connections.disconnect(world.ana.asker, sick, now=now)
    else:
        if end == "ended as announced":
            end_consent(sick, now)
        crowd.trouble = lambda number: "revoked" if number == 0 else None
        live(now, now + 2 * HOUR)
    assert grant_of(sick).failing_since is None
    live(now + 2 * HOUR, now + 2 * DAY)
    assert alerts() == []


@transaction
def end_consent(connection_id: UUID, at: datetime) -> None:
    connection_of(connection_id).consent_expires_at = at


def test_monitoring_counts_what_has_failed_for_a_day(sick: UUID) -> None:
    assert counted(live(DUE, DUE + DAY - HOUR)) == 0
    assert counted(live(DUE + DAY - HOUR, DUE + 2 * DAY)) == 1


def counted(now: datetime) -> float:
    measures = health.measures(now=now, machine_now=now)
    (one,) = (one.value for one in measures if one.name == "reconsent_refreshes_failing")
    return one


def test_its_page_says_since_when_why_and_what_backends_still_get(world: World, sick: UUID) -> None:
    now = live(DUE, DUE, by=HOUR / 2)
    told = failing.of(world.chloe.asker, sick, now=now)
    assert isinstance(told, Failing)
    assert (told.is_over, told.access_ends_at) == (True, NOON + HOUR)
    assert "refuses our app" in told.reason
    assert failing.of(world.chloe.asker, sick, now=DUE + MINUTE) is None
    assert failing.of(world.eve.asker, sick, now=now) is None


def test_what_is_well_is_not_spoken_of(world: World, sick: UUID) -> None:
    well = make_connection(world.ana, provider_id="stub")
    assert failing.of(world.ana.asker, well, now=NOON + 9 * DAY) is None
