"""What the repository gives to adapt for production: the containers' settings and systemd's units."""

import re

import pytest

from portal import web_server
from tests.contracts.repository import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def test_every_container_of_the_portal_runs_in_production():
    assert "PORTAL_ENV: production" in COMPOSE.partition("services:")[0]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_unit_runs_in_production(unit):
    assert "Environment=PORTAL_ENV=production\n" in unit.read_text(), "what development makes up would go unnoticed"


def test_the_web_container_may_finish_what_it_has_begun():
    web = re.split(r"^  \w+:\n", COMPOSE.partition("services:")[2], flags=re.MULTILINE)[2]
    grace = re.search(r"stop_grace_period: (\d+)s", web)
    assert "ports:" in web
    assert grace is not None
    assert int(grace[1]) > web_server.graceful_timeout


def test_a_database_that_is_still_being_set_up_is_not_healthy():
    assert '"pg_isready", "-h", "127.0.0.1"' in COMPOSE, "by its socket it is reached already, and ends once more"
