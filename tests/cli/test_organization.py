import re

from flask import Flask

from portal.db import db, reading
from portal.models import Email, Organization
from tests.cli.conftest import Run
from tests.factories import World


def test_an_organization_is_made_and_its_names_are_printed(run: Run, app: Flask) -> None:
    made = run("organization", "create", "Acme Ltd", "--admin", "chloe@acme.example", "--timezone", "Europe/Berlin")
    assert (made.code, made.err) == (0, "")
    slug, organization_id = (line.partition(": ")[2] for line in made.lines)
    with app.app_context():
        row = reading(lambda: db.session.query(Organization).one())()
        assert (row.slug, str(row.id), row.time_zone) == (slug, organization_id, "Europe/Berlin")
        assert reading(lambda: db.session.query(Email).count())() == 1


def test_a_second_one_of_a_name_is_made_and_told(run: Run, app: Flask) -> None:
    run("organization", "create", "Acme", "--admin", "chloe@acme.example")
    again = run("organization", "create", "Acme", "--admin", "chloe@acme.example")
    assert (again.code, again.lines[0]) == (0, "slug: acme-2")
    assert "another organization of this name, acme;" in again.err


def test_a_wrong_word_is_one_line_and_wrong_use(run: Run) -> None:
    for words in (("Acme", "--admin", "nonsense"), ("Acme", "--admin", "a@b.example", "--timezone", "Mars"), ("Acme",)):
        refused = run("organization", "create", *words)
        assert (refused.code, refused.out) == (2, "")
        assert re.fullmatch(r"[^\n]+\n", refused.err)


def test_every_command_has_help_with_an_example(run: Run) -> None:
    for words in (
        "organization", "organization create", "members", "members import", "connections", "connections import",
        "api-key", "api-key create", "providers", "doctor", "audit", "audit export",
    ):  # fmt: skip
        shown = run(*words.split(), "--help")
        assert shown.code == 0
        assert "Example:" in shown.out
        assert f"portal {words}" in shown.out


def test_a_command_nobody_knows_is_wrong_use(run: Run) -> None:
    assert run("organization", "destroy").code == 2


def test_an_operator_who_mistypes_a_slug_is_told_those_there_are(run: Run, world: World) -> None:
    refused = run("api-key", "create", "--organization", "amce", "--name", "Archive")
    assert (refused.code, refused.out) == (1, "")
    assert "'amce'. Known here: acme, globex." in refused.err
