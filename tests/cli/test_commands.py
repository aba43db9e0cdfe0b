"""What every command keeps: help with an example and without a portal, one line about wrong use, exit codes."""

from collections.abc import Iterator

import click
import pytest

from portal.cli import main
from tests.cli.conftest import Run


def named(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command and group by the words that call it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from named(found, *path, name)


@pytest.mark.parametrize("path", list(named(main)))
def test_help_has_an_example_and_needs_no_configuration(run: Run, path: tuple[str, ...]) -> None:
    helped = run(*path, "--help", PORTAL_ENV="nonsense", PORTAL_DATABASE_URL="nonsense")
    assert (helped.code, helped.err) == (0, "")
    assert "Example:\n    portal" in helped.out


@pytest.mark.parametrize("path", [(), ("audit",), ("members",)])
def test_a_group_alone_shows_its_help_and_is_wrong_use(run: Run, path: tuple[str, ...]) -> None:
    ended = run(*path)
    assert ended.code == 2
    assert ended.err.startswith("Usage: portal")
    assert "Try `" not in ended.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("nonsense",),
        ("migrate", "extra"),
        ("worker", "--processes", "0"),
        ("worker", "--processes", "many"),
        ("clock", "14d"),
        ("clock", "+14"),
        ("organization", "create"),
        ("organization", "create", "Acme"),
        ("api-key", "create", "--name", "Archive"),
        ("members", "import", "no-such-file.csv", "--organization", "acme"),
        ("doctor", "--loud"),
    ],
)
def test_wrong_use_is_told_in_a_line_that_says_where_help_is(run: Run, wrong: tuple[str, ...]) -> None:
    ended = run(*wrong)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "--help`." in ended.err
