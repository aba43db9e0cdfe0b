from pathlib import Path

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Email, Member
from tests.cli.conftest import Run
from tests.factories import World

HEADER = "email,name,role,team\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "fay@acme.example,Fay Fox,,Press\nana@acme.example,,,\n")
    return path


def members(app: Flask) -> int:
    with app.app_context():
        return reading(lambda: db.session.query(Member).count())()


def test_a_file_is_imported_and_a_second_time_changes_nothing(run: Run, app: Flask, world: World, file: Path) -> None:
    first = run("members", "import", str(file), "--organization", "acme")
    assert (first.code, first.out) == (0, "Members: 1 added, 1 here already.\n")
    again = run("members", "import", str(file), "--organization", "acme")
    assert (again.code, again.out) == (0, "Members: 0 added, 2 here already. Nothing was changed.\n")
    assert members(app) == 6


def test_a_dry_run_says_what_would_be_done(run: Run, app: Flask, world: World, file: Path) -> None:
    dry = run("members", "import", str(file), "--organization", "acme", "--dry-run")
    assert dry.code == 0
    assert "1 would be added" in dry.out
    assert "nothing was changed" in dry.out
    assert members(app) == 5


def test_nobody_is_mailed_unless_told_to(run: Run, app: Flask, world: World, file: Path) -> None:
    run("members", "import", str(file), "--organization", "acme")
    with app.app_context():
        assert reading(lambda: db.session.query(Email).count())() == 0
    invited = run("members", "import", str(file), "--organization", "acme", "--invite")
    assert invited.lines[-1] == "Invitations: 2 on their way."
    with app.app_context():
        assert reading(lambda: db.session.query(Email).count())() == 2


def test_every_bad_line_is_a_line_with_its_number(run: Run, app: Flask, world: World, file: Path) -> None:
    file.write_text(HEADER + "fay@acme.example,,,\nnonsense,,,\ngil@acme.example,,king,\n")
    refused = run("members", "import", str(file), "--organization", "acme")
    assert (refused.code, refused.out) == (1, "")
    assert [line.split(": ")[0] for line in refused.err.splitlines()[:-1]] == [f"{file}:3", f"{file}:4"]
    assert refused.err.splitlines()[-1] == "Nothing was imported: 2 lines to correct."
    assert members(app) == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nowhere.csv", "--organization", "acme"), 2),
        ((".", "--organization", "acme"), 2),
        (("people.csv",), 2),
        (("people.csv", "--organization", "nobody"), 1),
        (("people.csv", "--organization", "acme", "--force"), 2),
    ],
)
def test_wrong_use_is_one_line(words: tuple[str, ...], code: int, run: Run, world: World, file: Path) -> None:
    refused = run("members", "import", *words)
    assert (refused.code, refused.out, refused.err.count("\n")) == (code, "", 1)
