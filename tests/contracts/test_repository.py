"""What the repository promises about itself: its commands, its locks, and how large its parts may grow."""

import ast
import os
import re
import statistics
import tomllib

import pytest

from tests.contracts.repository import ROOT, python_files, text_of, tracked_files

MOST_LINES_A_FILE = 250
MOST_LINES_A_FUNCTION = 40
MEDIAN_LINES_A_FUNCTION = 6
MOST_LINES_OF_NINE_IN_TEN = 18

LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PERSONAL_FOLDERS = r"(?<![\w.])/(?:home|root|Users)/\w"


def names(requirements):
    return {re.split(r"[\s\[<>=!~;]", line)[0].lower().replace("_", "-") for line in requirements}


def locked(lock):
    return [line for line in lock.read_text().splitlines() if re.match(r"\w", line)]


def functions():
    for path in python_files("portal", "jobs"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_readme_names_the_command(command):
    assert re.search(rf"^\s*(\$ )?{command}\b", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_build_server_runs_what_the_readme_names():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in script.read_text()
    assert script.read_text().rstrip().endswith("\nmake test")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_address(lock):
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_pins_and_hashes_everything(lock):
    entries = re.split(r"\n(?=\w)", lock.read_text().strip())
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, dev, bench = (names(locked(ROOT / "requirements" / f"{name}.txt")) for name in ("runtime", "dev", "bench"))
    assert names(project["dependencies"]) <= runtime <= dev <= bench
    assert names(project["optional-dependencies"]["dev"]) <= dev
    assert names(project["optional-dependencies"]["bench"]) <= bench


def test_every_lock_agrees_with_the_runtime():
    runtime = set(locked(ROOT / "requirements" / "runtime.txt"))
    for name in ("dev", "bench"):
        assert runtime <= set(locked(ROOT / "requirements" / f"{name}.txt"))


def test_every_expected_failure_is_met_by_somebody():
    """A named failure that nobody raises or returns would be a promise that nothing keeps."""
    source = "\n".join(text_of(path) for path in python_files("portal", "jobs"))
    declared = re.findall(r"^class (\w+)\(\w*Problem\):", source, re.MULTILINE)
    calls = re.findall(r"^(?!class ).*?\b(?:raise (\w+)|([A-Z]\w+)\()", source, re.MULTILINE)
    assert set(declared) - {name for call in calls for name in call} == set()


def test_no_file_names_a_folder_of_the_machine_it_was_written_on():
    here = re.escape(f"{ROOT}/") if len(ROOT.parts) > 2 else PERSONAL_FOLDERS
    telling = re.compile(rf"{PERSONAL_FOLDERS}|{here}")
    found = [(path.relative_to(ROOT), hit[0]) for path in tracked_files() if (hit := telling.search(text_of(path)))]
    assert found == []


def test_every_file_is_short_enough_to_be_read_at_once():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in python_files("portal", "jobs")}
    assert {path: length for path, length in lengths.items() if length > MOST_LINES_A_FILE} == {}


def test_no_function_is_longer_than_a_screen():
    assert [(name, length) for name, length in functions() if length > MOST_LINES_A_FUNCTION] == []


def test_functions_are_short():
    lengths = sorted(length for _, length in functions())
    assert statistics.median(lengths) <= MEDIAN_LINES_A_FUNCTION
    assert statistics.quantiles(lengths, n=10)[-1] <= MOST_LINES_OF_NINE_IN_TEN
