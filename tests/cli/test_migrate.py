from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import Run
from tests.servers import Databases


@pytest.fixture
def migrated_url(databases: Databases) -> Iterator[str]:
    """An empty database of each kind: nothing is migrated yet."""
    with databases.fresh() as url:
        yield url


def test_an_empty_database_is_brought_to_this_version_and_a_second_time_nothing_happens(run: Run) -> None:
    first, second = run("migrate"), run("migrate")
    assert (first.code, second.code) == (0, 0)
    assert "it was empty" in first.out
    assert "already" in second.out


def test_a_command_on_a_database_that_is_not_ready_says_what_to_run(run: Run) -> None:
    early = run("tick")
    assert early.code == 1
    assert "portal migrate" in early.err


def test_a_newer_database_is_refused_and_left_alone(run: Run, migrated_url: str) -> None:
    run("migrate")
    engine = create_engine(migrated_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    refused = run("migrate")
    with engine.connect() as connection:
        version = connection.scalar(text("SELECT version_num FROM alembic_version"))
    engine.dispose()
    assert (refused.code, version) == (1, "9999")
    assert "newer version" in refused.err
