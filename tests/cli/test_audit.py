import json

from tests.cli.conftest import Run
from tests.factories import World


def test_the_log_is_json_lines_of_that_organization_alone(run: Run, world: World) -> None:
    run("api-key", "create", "--organization", "acme", "--name", "One")
    run("api-key", "create", "--organization", "globex", "--name", "Two")
    exported = run("audit", "export", "--organization", "acme")
    assert exported.code == 0
    (event,) = map(json.loads, exported.lines)
    assert (event["event"], event["actor"], event["facts"]["name"]) == ("api_key:created", "command", "One")


def test_an_unknown_organization_is_told(run: Run, world: World) -> None:
    refused = run("audit", "export", "--organization", "nobody")
    assert (refused.code, refused.out) == (1, "")
    assert "no organization of this slug" in refused.err
