import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Connection
from portal.rules.imported import COLUMNS
from tests.cli.conftest import Run
from tests.factories import World

CANARY = "canary-5b0e77"
LINE = f"ana@acme.example,demo-social,Page,sub-1,{CANARY},{CANARY}-r,2026-11-20T20:00:00Z,2027-01-02,openid\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.csv"
    path.write_text(",".join(COLUMNS) + "\n" + LINE)
    return path


def connections(app: Flask) -> int:
    with app.app_context():
        return reading(lambda: db.session.query(Connection).count())()


def test_a_file_is_imported_and_a_second_time_changes_nothing(run: Run, app: Flask, world: World, file: Path) -> None:
    command = ("connections", "import", str(file), "--organization", "acme")
    assert run(*command, "--dry-run").out.startswith("Connections: 1 would be added")
    assert connections(app) == 0
    assert run(*command).out == "Connections: 1 added, 0 here already.\n"
    assert run(*command).out == "Connections: 0 added, 1 here already. Nothing was changed.\n"
    assert connections(app) == 1


@pytest.mark.parametrize(
    "content",
    [
        LINE,
        ",".join(COLUMNS) + "\n" + LINE.replace("ana@", "nobody@"),
        ",".join(COLUMNS) + "\n" + LINE.replace("demo-social", CANARY),
        ",".join(COLUMNS) + "\n" + LINE.replace(f",{CANARY},", f',"{CANARY}" ,'),
        ",".join(COLUMNS) + "\n" + LINE.replace("2027-01-02", CANARY),
    ],
    ids=["no header", "unknown person", "columns shifted", "wrong quotes", "no date"],
)
def test_no_token_is_ever_printed(content: str, run: Run, app: Flask, world: World, file: Path) -> None:
    file.write_text(content)
    refused = run("connections", "import", str(file), "--organization", "acme")
    assert refused.code == 1
    assert CANARY not in refused.out + refused.err
    assert "Nothing was imported" in refused.err
    assert connections(app) == 0


def test_another_organizations_people_cannot_be_given_connections(
    run: Run, app: Flask, world: World, file: Path
) -> None:
    refused = run("connections", "import", str(file), "--organization", "globex")
    assert refused.code == 1
    assert connections(app) == 0


MEASURED = """
import sys
from pathlib import Path
from portal.cli import main
peak = Path(sys.argv.pop(1))
try:
    main()
finally:
    status = Path("/proc/self/status").read_text()
    peak.write_text(status.partition("VmHWM:")[2].split()[0])
"""
"""The command, and the most memory it has held: what the system counts for a child begins with its parent's."""


def _import(environ: Mapping[str, str], things: str, path: Path) -> tuple[float, int]:
    """Seconds and kilobytes that importing a file into Acme takes, in a process of its own."""
    began, peak = time.monotonic(), path.with_suffix(".peak")
    command = [sys.executable, "-c", MEASURED, str(peak), things, "import", str(path), "--organization", "acme"]
    subprocess.run(command, env={**environ, "PATH": "/usr/bin:/bin"}, check=True)
    return time.monotonic() - began, int(peak.read_text())


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.both_databases
def test_a_hundred_thousand_lines_take_a_minute_and_300_megabytes(
    environ: dict[str, str], app: Flask, world: World, tmp_path: Path
) -> None:
    people, tokens = tmp_path / "people.csv", tmp_path / "tokens.csv"
    with people.open("w") as some, tokens.open("w") as others:
        some.write("email,name,role,team\n")
        others.write(",".join(COLUMNS) + "\n")
        for number in range(100_000):
            some.write(f"p{number}@acme.example,Person {number},,Team {number % 40}\n")
            secret = f"{number}".ljust(900, "x")
            others.write(
                f"p{number}@acme.example,demo-social,,s{number},{secret},{secret},,2027-01-02,openid profile\n"
            )
    for things, path in (("members", people), ("connections", tokens)):
        seconds, kilobytes = _import(environ, things, path)
        assert seconds < 60
        assert kilobytes < 300 * 1024
    assert connections(app) == 100_000
