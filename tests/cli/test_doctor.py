import socket
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import make_url

from portal import clock
from portal.services import heartbeats
from tests.cli.conftest import Outcome, Run
from tests.factories import World


def health(outcome: Outcome) -> dict[str, str]:
    return {line.split()[1]: line.split()[0] for line in outcome.lines}


def test_a_portal_that_is_well_says_so_part_by_part(run: Run, app: Flask) -> None:
    with app.app_context():
        for part in (heartbeats.WORKER, heartbeats.SCHEDULER):
            heartbeats.beat(part, clock.machine_now())
    checked = run("doctor")
    assert checked.code == 0
    assert list(health(checked)) == [
        "configuration", "database", "schema", "redis", "smtp", "keys", "providers", "deadlines", "clock", "worker",
        "scheduler",
    ]  # fmt: skip
    assert set(health(checked).values()) == {"ok"}


def test_a_worker_nobody_has_seen_is_a_warning(run: Run, app: Flask) -> None:
    checked = run("doctor")
    assert (checked.code, health(checked)["worker"], health(checked)["scheduler"]) == (0, "warning", "warning")


def test_a_mistyped_setting_is_a_warning(run: Run, app: Flask) -> None:
    checked = run("doctor", PORTAL_TRUSTED_PROXYS="1")
    assert (checked.code, health(checked)["configuration"]) == (0, "warning")
    assert "Without effect: PORTAL_TRUSTED_PROXYS (did you mean PORTAL_TRUSTED_PROXIES?)" in checked.out


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_each_part_that_fails_has_its_line_and_ends_it_with_one(run: Run, app: Flask, closed_port: int) -> None:
    checked = run(
        "doctor",
        PORTAL_REDIS_URL=f"redis://:hidden-pw@127.0.0.1:{closed_port}/0",
        PORTAL_SMTP_URL=f"smtp://me:hidden-pw@127.0.0.1:{closed_port}",
        PORTAL_PROVIDER_LINKEDIN_CLIENT_ID="x",
    )
    assert checked.code == 1
    assert {part for part, word in health(checked).items() if word == "failed"} == {"redis", "smtp", "providers"}
    assert "hidden-pw" not in checked.out + checked.err


def test_a_database_that_is_not_there_fails_and_the_rest_is_looked_at(run: Run, app: Flask, closed_port: int) -> None:
    checked = run("doctor", PORTAL_DATABASE_URL=f"postgresql://me:hidden-pw@127.0.0.1:{closed_port}/none")
    found = health(checked)
    assert checked.code == 1
    assert {part for part, word in found.items() if word == "failed"} >= {"database", "schema", "keys"}
    assert (found["configuration"], found["redis"], found["smtp"]) == ("ok", "ok", "ok")
    assert "hidden-pw" not in checked.out + checked.err


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"database": "nowhere"}, "no database of that name"),
        ({"username": "nobody"}, "wrong user or password"),
    ],
)
def test_a_database_that_refuses_us_is_not_called_unmigrated(
    run: Run, app: Flask, environ: dict[str, str], wrong: dict[str, str], words: str
) -> None:
    url = make_url(environ["PORTAL_DATABASE_URL"]).set(**wrong).render_as_string(hide_password=False)
    checked, migrated = run("doctor", PORTAL_DATABASE_URL=url), run("migrate", PORTAL_DATABASE_URL=url)
    assert words in checked.out
    assert words in migrated.err
    assert (checked.code, migrated.code) == (1, 1)
    assert "portal migrate" not in checked.out + migrated.err


def test_a_redis_that_refuses_us_is_not_called_silent(run: Run, app: Flask, environ: dict[str, str]) -> None:
    url = environ["PORTAL_REDIS_URL"].replace("unix://", "unix://me:hidden-pw@")
    checked = run("doctor", PORTAL_REDIS_URL=url)
    assert "Redis cannot be used (it refuses us: wrong user or password)" in checked.out
    assert "hidden-pw" not in checked.out + checked.err


def test_an_empty_database_is_not_called_silent(run: Run, tmp_path: Path) -> None:
    checked = run("doctor", PORTAL_DATABASE_URL=f"sqlite:///{tmp_path / 'new.sqlite3'}")
    assert checked.code == 1
    assert health(checked)["database"] == "ok"
    assert "portal migrate" in checked.out
    assert "does not answer" not in checked.out


def test_wrong_configuration_is_told_setting_by_setting(run: Run) -> None:
    checked = run("doctor", PORTAL_PUBLIC_URL="nonsense", PORTAL_REDIS_URL="http://x")
    assert checked.code == 1
    assert {line.split()[0] for line in checked.err.splitlines()} == {"PORTAL_PUBLIC_URL", "PORTAL_REDIS_URL"}


def test_people_and_tokens_are_not_named(run: Run, app: Flask, world: World) -> None:
    assert "acme" not in run("doctor").out
