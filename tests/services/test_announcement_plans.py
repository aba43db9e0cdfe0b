"""Looking for ends to announce reads one entry of an index, however many connections there are."""

import pytest
from flask import Flask

from portal.db import db
from portal.quick import QuickSelect
from portal.services import announcements


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (announcements._SOONEST, "ix_connections_end_unannounced"),
        (announcements._SOONEST_AHEAD, "ix_connections_end_ahead"),
    ],
)
def test_the_soonest_end_is_the_first_entry_of_an_index(context: Flask, query: QuickSelect, index: str) -> None:
    compiled = query.for_dialect(db.engine.dialect)
    with db.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled.sql}", tuple(compiled.bound({}))).all()
    assert [step for *_, step in plan if index in step]
    assert not [step for *_, step in plan if "TEMP B-TREE" in step]
