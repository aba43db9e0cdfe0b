r"""Many new rows at once, by the quickest way each database has, inside the transaction around us.

An INSERT a row costs PostgreSQL several times what the row itself does, so it is given them as one COPY, in the text
format of its manual (COPY, "Text Format": a line a row, tabs between the cells, \N for NULL). Writing that text is half
of the work, and can be done before the database is touched at all.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine.interfaces import DBAPIModule, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from portal.db import Base

Rows = Sequence[Mapping[str, Any]]

NULL = r"\N"
ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
SPECIAL = re.compile(r"[\\\t\n\r]")


@dataclass(frozen=True, slots=True)
class ReadyRows:
    """Rows in plain values that the database at hand takes as they are: they can be kept, and are written quickly.

    For SQLite a tuple a row; for PostgreSQL all of them as one text in COPY's own format.
    """

    table: str
    columns: tuple[str, ...]
    values: list[tuple[Any, ...]] | str


def ready_rows(dialect: Dialect, model: type[Base], rows: Rows) -> ReadyRows:
    """Rows that all name the same columns, made ready; the constant defaults of the others are filled in."""
    table = cast(Table, model.__table__)
    if not rows:
        return ReadyRows(table.name, (), [])
    by_name = {name: [row[name] for row in rows] for name in rows[0]}
    by_name |= {name: [value] * len(rows) for name, value in _defaults(table, rows[0]).items()}
    by_row = zip(*(_ready(table.c[name], dialect, values) for name, values in by_name.items()), strict=True)
    is_copied = dialect.name == "postgresql"
    values = "".join([_line(row) for row in by_row]) if is_copied else list(by_row)
    return ReadyRows(table.name, tuple(by_name), values)


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
    if isinstance(ready.values, str):
        _copy(connection, f"COPY {ready.table} ({columns}) FROM STDIN", ready.values)
    else:
        places = ", ".join("?" * len(ready.columns))
        statement = f"INSERT INTO {ready.table} ({columns}) VALUES ({places})"  # noqa: S608 - names of our own tables
        connection.exec_driver_sql(statement, ready.values)


def among(session: Session, column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """That the column holds one of many values; PostgreSQL reads one array sooner than a thousand parameters."""
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    return column.in_(values)


def take_stock(session: Session, *models: type[Base]) -> None:
    """Let PostgreSQL look at these tables again: the plans it makes for empty ones are ruinous for full ones.

    It would do so by itself a minute after the transaction; SQLite needs no such look.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        for model in models:
            connection.exec_driver_sql(f"ANALYZE {cast(Table, model.__table__).name}")


def _copy(connection: Connection, statement: str, lines: str) -> None:
    dbapi = cast(DBAPIModule, connection.dialect.dbapi)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(lines)
    except dbapi.Error as error:
        wrapped = DBAPIError.instance(statement, None, error, dbapi.Error, hide_parameters=True)
        raise wrapped from error


def _defaults(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the model says a column holds where nobody says otherwise, as far as that is a constant."""
    left_out = {column.name: column.default for column in table.columns if column.name not in row}
    return {name: default.arg for name, default in left_out.items() if isinstance(default, ScalarElementColumnDefault)}


def _ready(column: Column[Any], dialect: Dialect, values: list[Any]) -> list[Any]:
    if len(values) > 1 and all(value is values[0] for value in values):  # most columns of an import
        return _ready(column, dialect, values[:1]) * len(values)
    is_copied = dialect.name == "postgresql"
    convert: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    if is_copied and isinstance(column.type, JSON):
        convert = _json_of(column.type)  # the driver's own would be an object that only the driver reads
    stored = values if convert is None else map(convert, values)
    plain = [getattr(value, "obj", value) for value in stored]  # both drivers wrap bytes into objects that hold them
    return [_cell(value) for value in plain] if is_copied else plain


def _json_of(kind: JSON) -> Callable[[Any], str | None]:
    return lambda value: None if value is None and kind.none_as_null else json.dumps(value)


def _cell(value: Any) -> str:
    """One value as COPY takes it; raises TypeError for a kind that no column of ours gives."""
    if value is None:
        return NULL
    if isinstance(value, str):
        return SPECIAL.sub(lambda found: ESCAPES[found[0]], value)
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | int):
        return str(value)
    raise TypeError(f"COPY is given no values of the kind {type(value).__name__}")


def _line(cells: Sequence[str]) -> str:
    return "\t".join(cells) + "\n"
