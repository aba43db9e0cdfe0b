"""Many new rows at once, by the quickest way each database has, inside the transaction around us.

An INSERT a row costs PostgreSQL several times what the row itself does, so it is given them as one COPY.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Column, Connection, Table
from sqlalchemy.engine.interfaces import DBAPIModule, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from portal.db import Base

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReadyRows:
    """Rows as the driver of the database at hand takes them: they can be kept for later, and are written quickly."""

    table: str
    columns: tuple[str, ...]
    values: list[tuple[Any, ...]]


def ready_rows(dialect: Dialect, model: type[Base], rows: Rows) -> ReadyRows:
    """Rows that all name the same columns, made ready; the constant defaults of the others are filled in."""
    table = cast(Table, model.__table__)
    if not rows:
        return ReadyRows(table.name, (), [])
    named = {name: _converted(table.c[name], dialect, [row[name] for row in rows]) for name in rows[0]}
    left_out = {
        name: _converted(table.c[name], dialect, [value]) * len(rows)
        for name, value in _defaults(table, rows[0]).items()
    }
    return ReadyRows(table.name, (*named, *left_out), list(zip(*named.values(), *left_out.values(), strict=True)))


def insert_rows(session: Session, model: type[Base], rows: Rows) -> None:
    """Write rows that all name the same columns; the constant defaults of the others are filled in.

    Nobody who listens to the session hears of it. Raises IntegrityError as a flush would.
    """
    insert_ready(session, ready_rows(session.connection().dialect, model, rows))


def insert_ready(session: Session, ready: ReadyRows) -> None:
    """Write rows that were made ready; raises IntegrityError as a flush would."""
    if not ready.values:
        return
    connection, columns = session.connection(), ", ".join(ready.columns)
    if connection.dialect.name == "postgresql":
        _copy(connection, f"COPY {ready.table} ({columns}) FROM STDIN", ready.values)
    else:
        places = ", ".join("?" * len(ready.columns))
        statement = f"INSERT INTO {ready.table} ({columns}) VALUES ({places})"  # noqa: S608 - names of our own tables
        connection.exec_driver_sql(statement, ready.values)


def take_stock(session: Session, *models: type[Base]) -> None:
    """Let PostgreSQL look at these tables again: the plans it makes for empty ones are ruinous for full ones.

    It would do so by itself a minute after the transaction; SQLite needs no such look.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        for model in models:
            connection.exec_driver_sql(f"ANALYZE {cast(Table, model.__table__).name}")


def _copy(connection: Connection, statement: str, values: Sequence[tuple[Any, ...]]) -> None:
    dbapi = cast(DBAPIModule, connection.dialect.dbapi)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in values:
                copy.write_row(row)
    except dbapi.Error as error:
        wrapped = DBAPIError.instance(statement, None, error, dbapi.Error, hide_parameters=True)
        raise wrapped from error


def _defaults(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the model says a column holds where nobody says otherwise, as far as that is a constant."""
    left_out = {column.name: column.default for column in table.columns if column.name not in row}
    return {name: default.arg for name, default in left_out.items() if isinstance(default, ScalarElementColumnDefault)}


def _converted(column: Column[Any], dialect: Dialect, values: list[Any]) -> list[Any]:
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return values
    ready = map(convert, values)  # SQLite's driver wraps bytes into views, which cannot be kept
    return [bytes(value) if isinstance(value, memoryview) else value for value in ready]
