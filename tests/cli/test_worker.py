import pytest

from portal.cli import main
from tests.cli.conftest import Run

OURS = ("migrate", "clock", "worker", "scheduler", "tick")


@pytest.mark.parametrize("processes", ["0", "-1", "many", "1000"])
def test_a_wrong_number_of_processes_is_wrong_use(run: Run, processes: str) -> None:
    refused = run("worker", f"--processes={processes}")
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)


@pytest.mark.parametrize("command", OURS)
def test_help_shows_an_example_and_needs_no_configuration(run: Run, command: str) -> None:
    told = run(command, "--help", PORTAL_ENV="nonsense")
    assert told.code == 0
    assert f"portal {command}" in told.out.partition("Example:")[2]


@pytest.mark.parametrize("command", OURS)
def test_a_wrong_configuration_is_told_line_by_line(run: Run, command: str) -> None:
    refused = run(command, PORTAL_ENV="nonsense", PORTAL_TRUSTED_PROXIES="many")
    assert refused.code == 1
    assert {line.split()[0] for line in refused.err.splitlines()} >= {"PORTAL_ENV", "PORTAL_TRUSTED_PROXIES"}


def test_a_command_there_is_not_is_wrong_use(run: Run) -> None:
    refused = run("fly")
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)


def test_plumbing_is_no_command() -> None:
    assert set(main.list_commands(None)).isdisjoint({"failures", "context", "supervisor", "--main--"})
