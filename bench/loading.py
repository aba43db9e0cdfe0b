"""Rows by the million into either database, the quick way: no indexes, checks or conversions while they come in."""

import sys
from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, Table

from bench.drivers import Driver

Value = str | int | bytes | None
NOTHING = r"\N"


def load(
    engine: Engine, driver: Driver, tables: dict[Table, Iterable[Sequence[Value]]], columns: dict[Table, str]
) -> None:
    """Fill the tables in order; their indexes are made afterwards, and the planner is told what came."""
    indexes = [index for table in tables for index in table.indexes]
    for index in indexes:
        index.drop(engine)
    _without_checks(driver)
    for table, rows in tables.items():
        print(f"  loading {table.name} ...", file=sys.stderr, flush=True)
        _copy(driver, table.name, columns[table], rows)
    for index in indexes:
        index.create(engine)
    driver.run("VACUUM ANALYZE" if driver.is_postgresql else "ANALYZE")


def _without_checks(driver: Driver) -> None:
    if driver.is_postgresql:
        driver.run("SET session_replication_role = replica")  # no foreign keys: we know what belongs to what
    else:
        driver.run("PRAGMA synchronous=OFF")


def _copy(driver: Driver, table: str, columns: str, rows: Iterable[Sequence[Value]]) -> None:
    if driver.is_postgresql:
        with driver.raw.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write("\t".join(map(_text, row)) + "\n")
        return
    marks = ", ".join("?" for _ in columns.split(","))
    driver.run("BEGIN IMMEDIATE")
    driver.raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
    driver.run("COMMIT")


def _text(value: Value) -> str:
    """A value in COPY's text format; none of ours holds a tab or a backslash."""
    if isinstance(value, str):
        return value
    if value is None:
        return NOTHING
    return rf"\\x{value.hex()}" if isinstance(value, bytes) else str(value)
