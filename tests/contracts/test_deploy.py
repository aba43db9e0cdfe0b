"""What the repository gives to adapt for production: the containers' settings and systemd's units."""

import pytest

from tests.contracts.repository import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def test_every_container_of_the_portal_runs_in_production():
    assert "PORTAL_ENV: production" in COMPOSE.partition("services:")[0]


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_unit_runs_in_production(unit):
    assert "Environment=PORTAL_ENV=production\n" in unit.read_text(), "what development makes up would go unnoticed"
