"""Many new rows at once, by the quickest way each database has, inside the transaction around us.

An INSERT a row costs PostgreSQL several times what the row itself does, so it is given them as one COPY.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Column, Connection, Table, insert
from sqlalchemy.engine.interfaces import DBAPIModule, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from portal.db import Base

Rows = Sequence[Mapping[str, Any]]


def insert_rows(session: Session, model: type[Base], rows: Rows) -> None:
    """Write rows that all name the same columns; the constant defaults of the others are filled in.

    Nobody who listens to the session hears of it. Raises IntegrityError as a flush would.
    """
    if not rows:
        return
    table, connection = cast(Table, model.__table__), session.connection()
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
    else:
        connection.execute(insert(table), rows)


def take_stock(session: Session, *models: type[Base]) -> None:
    """Let PostgreSQL look at these tables again: the plans it makes for empty ones are ruinous for full ones.

    It would do so by itself a minute after the transaction; SQLite needs no such look.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        for model in models:
            connection.exec_driver_sql(f"ANALYZE {cast(Table, model.__table__).name}")


def _copy(connection: Connection, table: Table, rows: Rows) -> None:
    defaults = _defaults(table, rows[0])
    columns = [table.c[name] for name in (*rows[0], *defaults)]
    into = [(column.name, _conversion(column, connection.dialect)) for column in columns]
    statement = f"COPY {table.name} ({', '.join(column.name for column in columns)}) FROM STDIN"
    dbapi = cast(DBAPIModule, connection.dialect.dbapi)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                full = {**defaults, **row}
                copy.write_row([convert(full[name]) for name, convert in into])
    except dbapi.Error as error:
        wrapped = DBAPIError.instance(statement, None, error, dbapi.Error, hide_parameters=True)
        raise wrapped from error


def _defaults(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the model says a column holds where nobody says otherwise, as far as that is a constant."""
    left_out = {column.name: column.default for column in table.columns if column.name not in row}
    return {name: default.arg for name, default in left_out.items() if isinstance(default, ScalarElementColumnDefault)}


def _conversion(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any]:
    return column.type.dialect_impl(dialect).bind_processor(dialect) or _unchanged


def _unchanged(value: Any) -> Any:
    return value
