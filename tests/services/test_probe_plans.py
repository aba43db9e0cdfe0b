"""Every grant has its probe planned, by whatever way it came."""

import io
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update

from jobs import probes as jobs
from portal import clock
from portal.db import db, reading, transaction
from portal.models import Probe
from portal.rules.imported import COLUMNS
from portal.services import connection_imports, probes, workers
from tests.consents import come_back, connected, new_grant, signed_in
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.services.whoami import who_answers

pytestmark = pytest.mark.both_databases

MINUTE = timedelta(minutes=1)


@reading
def planned() -> list[Probe]:
    rows = list(db.session.scalars(select(Probe).order_by(Probe.connection_id)))
    db.session.expunge_all()
    return rows


def test_a_consent_is_looked_at_a_few_minutes_later(context: Flask, world: World) -> None:
    connection_id = connected(signed_in(world.ana), new_grant("ana-login"))
    (row,) = planned()
    assert (row.connection_id, row.provider_id, row.last_ok_at) == (connection_id, "demo-social", None)
    assert row.due_at is not None
    assert NOON + 2 * MINUTE <= row.due_at <= NOON + 5 * MINUTE


def test_a_reconsent_is_looked_at_anew(context: Flask, world: World) -> None:
    ana, later = signed_in(world.ana), NOON + timedelta(days=9)
    connection_id = connected(ana, new_grant("ana-login"))
    never_again(connection_id)
    come_back(ana, new_grant("ana-login"), connection_id=connection_id, now=later, began_at=later)
    (row,) = planned()
    assert row.due_at is not None
    assert later + 2 * MINUTE <= row.due_at <= later + 5 * MINUTE
    assert (row.last_ok_at, row.failures) == (None, 0)


@transaction
def never_again(connection_id: UUID) -> None:
    settled = {"due_at": None, "last_ok_at": NOON, "failures": 3}
    db.session.execute(update(Probe).where(Probe.connection_id == connection_id).values(settled))


def test_an_import_is_looked_at_within_the_hour_one_after_the_other(context: Flask, world: World) -> None:
    lines = [f"ana@acme.example,demo-social,Page {number},sub-{number},access,refresh,,," for number in range(40)]
    file = io.BytesIO("\n".join([",".join(COLUMNS), *lines]).encode())
    connection_imports.import_connections(world.chloe.asker, file, is_dry_run=False, now=NOON)
    due = [row.due_at for row in planned() if row.due_at is not None]
    assert len(due) == 40
    assert min(due) >= NOON + 2 * MINUTE
    assert max(due) <= NOON + 62 * MINUTE
    assert max(due) - min(due) > 30 * MINUTE


def test_the_ticker_has_everything_due_asked_about_by_a_worker(
    stub: StubProvider, environ: dict[str, str], app: Flask, world: World
) -> None:
    whoami = who_answers(stub, environ)
    with app.app_context():
        make_connection(world.ana, provider_id="stub", subject="login-1", access_ends_in=None, refresh_token=None)
        assert jobs.plan_missing() == 1
        make_due()
        assert jobs.ring_due() == 1
        assert workers.drain() == 1
        assert whoami.shown == ["access-1"]
        assert [row.last_ok_at is not None for row in planned()] == [True]
        assert probes.claim_due_batches(now=clock.now()) == ()


@transaction
def make_due() -> None:
    db.session.execute(update(Probe).values(due_at=NOON))
