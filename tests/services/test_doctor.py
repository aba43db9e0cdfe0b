"""The doctor finds what is wrong and says what to do."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text

from portal import clock
from portal.crypto import Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import Grant
from portal.models.grant import seal_context
from portal.services import doctor, heartbeats
from portal.services.doctor import Finding, Health
from tests.factories import World, make_connection

pytestmark = pytest.mark.both_databases

MINUTE = timedelta(minutes=1)


def examine(machine_now: Callable[[], datetime] = clock.machine_now) -> Mapping[str, Finding]:
    return {finding.part: finding for finding in doctor.examine(machine_now=machine_now)}


@transaction
def execute(statement: str) -> None:
    db.session.execute(text(statement))


def test_nothing_fails_where_all_is_well(context: Flask, world: World) -> None:
    make_connection(world.ana)
    assert not [finding for finding in examine().values() if finding.health is Health.FAILED]


def test_a_token_that_cannot_be_opened_is_found(context: Flask, world: World) -> None:
    one, two = make_connection(world.ana), make_connection(world.ben)

    @transaction
    def swap() -> None:
        db.session.get_one(Grant, one).access_token = db.session.get_one(Grant, two).access_token

    swap()
    found = examine()["keys"]
    assert found.health is Health.FAILED
    assert "PORTAL_TOKEN_KEYS" in found.words


def test_a_token_under_a_key_that_is_gone_is_found(
    make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str], app: Flask, world: World
) -> None:
    with app.app_context():
        make_connection(world.ana)
    other = make_app(environ | {"PORTAL_TOKEN_KEYS": "two:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"})
    with other.app_context():
        assert examine()["keys"].health is Health.FAILED


def test_a_key_that_is_gone_is_missed_wherever_its_tokens_are(
    make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str], app: Flask, world: World
) -> None:
    """Among a thousand others, and where only what a provider never renews is still sealed with it."""
    two = "two:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0-P0A"
    with app.app_context():
        many = [make_connection(world.ana, subject=f"s{number}") for number in range(50)]
    rotating = make_app(environ | {"PORTAL_TOKEN_KEYS": f"{two},{environ['PORTAL_TOKEN_KEYS']}"})
    with rotating.app_context():
        seal_refresh_token_anew(many[25])
        assert examine()["keys"].health is Health.WELL
    with app.app_context():
        found = examine()["keys"]
    assert found.health is Health.FAILED
    assert "'two'" in found.words


@transaction
def seal_refresh_token_anew(connection_id: UUID) -> None:
    context = seal_context(connection_id, "refresh_token")
    db.session.get_one(Grant, connection_id).refresh_token = keyring().seal(Secret("as new"), context)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM alembic_version", "run `portal migrate`"),
        ("UPDATE alembic_version SET version_num = 'ffff'", "newer version"),
    ],
)
def test_a_database_of_another_version_is_found(statement: str, words: str, context: Flask) -> None:
    execute(statement)
    found = examine()["schema"]
    assert found.health is Health.FAILED
    assert words in found.words


@pytest.mark.parametrize("apart", [-MINUTE, MINUTE])
def test_clocks_that_disagree_are_found(apart: timedelta, context: Flask) -> None:
    found = examine(lambda: clock.machine_now() + apart)["clock"]
    assert found.health is Health.FAILED
    assert "NTP" in found.words


@pytest.mark.parametrize(
    ("ago", "health"), [(timedelta(), Health.WELL), (MINUTE, Health.WELL), (5 * MINUTE, Health.WARNING)]
)
def test_a_worker_is_well_while_it_is_seen(ago: timedelta, health: Health, context: Flask) -> None:
    heartbeats.beat(heartbeats.WORKER, clock.machine_now() - ago)
    assert examine()["worker"].health is health


def test_no_provider_at_all_is_a_warning(
    make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str]
) -> None:
    bare = {name: value for name, value in environ.items() if not name.startswith("PORTAL_PROVIDER_")}
    with make_app(bare).app_context():
        assert examine()["providers"].health is Health.WARNING


def test_an_unknown_provider_setting_fails(
    make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str]
) -> None:
    with make_app(environ | {"PORTAL_PROVIDER_MYSPACE_CLIENT_ID": "x"}).app_context():
        found = examine()["providers"]
    assert found.health is Health.FAILED
    assert "PORTAL_PROVIDER_MYSPACE_CLIENT_ID" in found.words
