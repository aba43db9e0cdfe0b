"""What the repository gives to adapt for production: the containers' settings and systemd's units."""

import re

import pytest

from portal import web_server
from portal.cli import supervisor
from tests.contracts.repository import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def test_every_container_of_the_portal_runs_in_production():
    assert "PORTAL_ENV: production" in COMPOSE.partition("services:")[0]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_unit_runs_in_production(unit):
    assert "Environment=PORTAL_ENV=production\n" in unit.read_text(), "what development makes up would go unnoticed"


@pytest.mark.parametrize("unit", [unit for unit in UNITS if "scheduler" not in unit.stem], ids=lambda path: path.stem)
def test_the_first_process_of_a_unit_ends_the_others(unit):
    assert "KillMode=mixed\n" in unit.read_text(), "a worker told to end twice breaks off what it is doing"


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_unit_may_finish_what_it_has_begun(unit):
    stop = re.search(r"TimeoutStopSec=(\d+)", unit.read_text())
    assert stop is not None
    assert int(stop[1]) >= max(web_server.graceful_timeout, supervisor.ENDING_TAKES_AT_MOST_S)


def test_the_web_container_may_finish_what_it_has_begun():
    web = re.split(r"^  \w+:\n", COMPOSE.partition("services:")[2], flags=re.MULTILINE)[2]
    grace = re.search(r"stop_grace_period: (\d+)s", web)
    assert "ports:" in web
    assert grace is not None
    assert int(grace[1]) > web_server.graceful_timeout


def test_a_database_that_is_still_being_set_up_is_not_healthy():
    assert '"pg_isready", "-h", "127.0.0.1"' in COMPOSE, "by its socket it is reached already, and ends once more"
