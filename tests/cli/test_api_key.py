from datetime import UTC, datetime

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


def test_a_key_can_be_limited_and_end_on_a_day(run: Run, app: Flask, world: World) -> None:
    limits = ("--provider", "demo-social", "--provider", "demo-video", "--expires", "2199-12-31")
    made = run("api-key", "create", "--organization", "acme", "--name", "Archive", *limits)
    assert made.code == 0
    with app.app_context():
        asker = api_keys.authenticate(made.lines[-1], now=clock.now())
        (key,) = api_keys.all_of(world.chloe.asker)
    assert asker is not None
    assert asker.providers == {"demo-social", "demo-video"}
    assert key.expires_at == datetime(2200, 1, 1, tzinfo=UTC)


def test_a_limit_or_an_end_that_cannot_be_is_told_and_no_key_is_made(run: Run, app: Flask, world: World) -> None:
    create = ("api-key", "create", "--organization", "acme", "--name", "Archive")
    unknown = run(*create, "--provider", "nowhere")
    assert unknown.code != 0
    assert "nowhere" in unknown.err
    assert run(*create, "--expires", "2001-01-01").code != 0
    assert run(*create, "--expires", "soon").code == 2
    with app.app_context():
        assert api_keys.all_of(world.chloe.asker) == ()
