from flask import Flask

from portal import clock
from portal.services import api_keys
from tests.cli.conftest import Run
from tests.factories import World


def test_the_key_stands_alone_on_the_last_line_and_works(run: Run, app: Flask, world: World) -> None:
    made = run("api-key", "create", "--organization", "acme", "--name", "Billing backend")
    assert made.code == 0
    with app.app_context():
        asker = api_keys.authenticate(made.lines[-1], now=clock.now())
        assert asker is not None
        assert asker.organization_id == world.acme
        (key,) = api_keys.all_of(asker)
    assert key.name == "Billing backend"
    assert made.lines[-1] not in made.err


def test_a_wrong_name_or_organization_is_told(run: Run, world: World) -> None:
    assert run("api-key", "create", "--organization", "acme", "--name", " ").code == 2
    assert run("api-key", "create", "--organization", "nobody", "--name", "x").code == 1
    assert run("api-key", "create", "--organization", "acme").code == 2
