"""One SELECT straight on the driver, for the one path that is asked thousands of times a second.

SQLAlchemy writes the statement and converts the values; its sessions and result objects, which cost more than the query
itself, are left out. The connection comes from the same pool and reads outside of any transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.engine.interfaces import Dialect

Processor = Callable[[Any], Any]


class QuickSelect:
    """A SELECT compiled once for each dialect; its bound parameters are given by name at each call."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, engine: Engine, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None."""
        compiled = self._compiled.get(engine.dialect.name)
        if compiled is None:
            compiled = self._compiled[engine.dialect.name] = _Compiled(self._statement, engine.dialect)
        connection = engine.raw_connection()
        try:
            row = _read(connection.driver_connection, compiled.sql, compiled.bound(parameters))
        finally:
            connection.close()
        return None if row is None else compiled.converted(row)


class _Compiled:
    """The text for one dialect's driver and the conversions on the way in and out."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._order = compiled.positiontup
        self._into = {
            name: processor
            for name, bind in compiled.binds.items()
            if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        types = [column.type for column in statement.selected_columns]
        self._out: list[Processor | None] = [
            kind.dialect_impl(dialect).result_processor(dialect, None) for kind in types
        ]

    def bound(self, parameters: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        given = self._constants | dict(parameters)
        ready = {name: self._into[name](value) if name in self._into else value for name, value in given.items()}
        return [ready[name] for name in self._order] if self._order is not None else ready

    def converted(self, row: Sequence[Any]) -> tuple[Any, ...]:
        pairs = zip(self._out, row, strict=True)
        return tuple(value if convert is None else convert(value) for convert, value in pairs)


def _read(connection: Any, sql: str, parameters: Any) -> Sequence[Any] | None:
    has_transactions = hasattr(connection, "autocommit") and connection.autocommit is False
    if has_transactions:
        connection.autocommit = True  # a lone SELECT needs no BEGIN and no ROLLBACK around it
    try:
        row: Sequence[Any] | None = connection.execute(sql, parameters).fetchone()
    finally:
        if has_transactions:
            connection.autocommit = False
    return row
