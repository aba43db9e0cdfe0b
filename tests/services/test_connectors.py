"""What a file's [connectors.X] says of a bank counts wherever the file is asked about that bank's connections."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Connection, PendingGrant, Probe
from portal.rules.verdicts import Fault
from portal.services import connections, probes, refresh_means, rejections, token_store, tokens
from portal.services.rejections import Seen
from tests.crowd import set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
BANKS = """
[connectors.slow]
refresh = { min_age_s = 86400, grace_s = 30 }

[connectors.fixed]
clocks = { refresh_absolute_from = "first_grant" }

[connectors.lasting]
refresh = { mode = "none" }
clocks = { human_at = "none" }

[connectors.exchanging]
refresh = { mode = "exchange", params = { t = "{access_token}" } }
clocks = { human_at = "none" }

[connectors.silent]
revoke = { style = "none" }
errors = [{ when = [{ at = "word", op = "eq", value = "locked" }], result = "scope-missing" }]
"""
SLOW, FIXED, LASTING, EXCHANGING, SILENT = "slow", "fixed", "lasting", "exchanging", "silent"


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, environ: Mapping[str, str], request: pytest.FixtureRequest) -> Iterator[Flask]:
    path = Path(environ["PORTAL_PROVIDERS_DIR"]) / "stub.toml"
    path.write_text(path.read_text(encoding="utf-8") + BANKS, encoding="utf-8")
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        yield app


@transaction
def connected(world: World, bank: str | None, *, refresh_token: str | None = "refresh-1") -> UUID:
    connection_id = make_connection(world.ana, provider_id="stub", refresh_token=refresh_token)
    db.session.get_one(Connection, connection_id).connector = bank
    return connection_id


def grant(connection_id: UUID) -> token_store.StoredGrant:
    found = token_store.read(connection_id)
    assert found is not None
    return found


@pytest.mark.parametrize(("bank", "generation"), [(SLOW, 1), (None, 2)])
def test_a_token_is_as_young_as_its_bank_calls_it(world: World, bank: str | None, generation: int) -> None:
    connection_id = connected(world, bank)
    fresh = tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=HOUR, now=NOON + HOUR / 2)
    assert fresh.generation == generation


@pytest.mark.parametrize(("bank", "grace"), [(SLOW, 30 * SECOND), (None, None)])
def test_the_grace_is_the_banks(world: World, bank: str | None, grace: timedelta | None) -> None:
    assert refresh_means.grace_of(grant(connected(world, bank))) == grace


@pytest.mark.parametrize(("bank", "is_final"), [(FIXED, True), (None, False)])
def test_the_end_that_no_refresh_moves_is_the_banks(world: World, bank: str | None, *, is_final: bool) -> None:
    connection_id = connected(world, bank)
    set_grant(connection_id, refresh_expires_at=NOON + DAY)
    assert refresh_means.final_end_of(grant(connection_id)) == (NOON + DAY if is_final else None)


@pytest.mark.parametrize(("bank", "is_possible"), [(EXCHANGING, True), (None, False)])
def test_what_is_shown_for_a_new_token_is_the_banks(world: World, bank: str | None, *, is_possible: bool) -> None:
    assert refresh_means.is_possible(grant(connected(world, bank, refresh_token=None))) is is_possible


@pytest.mark.parametrize(("bank", "fault"), [(SILENT, Fault.SCOPE_MISSING), (None, Fault.EXPIRED)])
def test_an_apis_answer_is_judged_by_the_banks_words(world: World, bank: str | None, fault: Fault) -> None:
    seen = Seen(1, 401, {}, {"error": "locked"})
    assert rejections.report(world.ana.asker, connected(world, bank), seen, now=NOON).fault is fault


@pytest.mark.parametrize(("bank", "leftovers"), [(SILENT, 0), (None, 1)])
def test_what_a_bank_cannot_revoke_is_not_set_aside_for_it(world: World, bank: str | None, leftovers: int) -> None:
    connections.disconnect(world.ana.asker, connected(world, bank), now=NOON)
    assert set_aside() == leftovers


@pytest.mark.parametrize(("bank", "is_asked"), [(LASTING, True), (None, False)])
def test_who_nobody_planned_is_asked_about_where_the_bank_refreshes_nothing(
    world: World, bank: str | None, *, is_asked: bool
) -> None:
    connection_id = connected(world, bank)
    probes.plan_missing(now=NOON)
    assert (probe_of(connection_id).due_at is not None) is is_asked


@transaction
def set_aside() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(PendingGrant)) or 0


@transaction
def probe_of(connection_id: UUID) -> Probe:
    return db.session.get_one(Probe, connection_id)
