"""SELECTs straight on the driver, for the paths that are asked most: fresh tokens, who is signed in, the dashboard.

SQLAlchemy writes each statement, once, and converts the values; its sessions and result objects, which cost several
times as much as the query itself, are left out. The connection comes from the same pool and reads outside of any
transaction: it sees whatever has been committed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.engine.interfaces import Dialect

Row = tuple[Any, ...]
Processor = Callable[[Any], Any]
Fetch = Callable[[Any], Any]


class QuickSelect:
    """A SELECT compiled once for each dialect; its bound parameters are given by name at each call."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, engine: Engine, parameters: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        compiled = self._for(engine)
        row = _fetched(engine, compiled.sql, compiled.bound(parameters), lambda cursor: cursor.fetchone())
        return None if row is None else compiled.converted([row])[0]

    def all(self, engine: Engine, parameters: Mapping[str, Any]) -> list[Row]:
        """Every row."""
        compiled = self._for(engine)
        return compiled.converted(
            _fetched(engine, compiled.sql, compiled.bound(parameters), lambda cursor: cursor.fetchall())
        )

    def _for(self, engine: Engine) -> "_Compiled":
        name = engine.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = _Compiled(self._statement, engine.dialect)
        return compiled


class _Compiled:
    """The text for one dialect's driver and the conversions on the way in and out."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._order = compiled.positiontup
        self._into = {
            name: processor
            for name, bind in compiled.binds.items()
            if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        self._constants = self._stored({name: value for name, value in compiled.params.items() if value is not None})
        types = [column.type for column in statement.selected_columns]
        self._out: list[Processor | None] = [
            kind.dialect_impl(dialect).result_processor(dialect, None) for kind in types
        ]

    def bound(self, parameters: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        ready = self._constants | self._stored(parameters)
        return [ready[name] for name in self._order] if self._order is not None else ready

    def converted(self, rows: Iterable[Sequence[Any]]) -> list[Row]:
        """Column by column: most columns need no conversion."""
        columns = zip(*rows, strict=True)
        pairs = zip(self._out, columns, strict=False)  # no rows, no columns
        converted = (column if convert is None else map(convert, column) for convert, column in pairs)
        return list(zip(*converted, strict=True))

    def _stored(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        into = self._into
        return {name: into[name](value) if name in into else value for name, value in parameters.items()}


def _fetched(engine: Engine, sql: str, parameters: Any, fetch: Fetch) -> Any:
    """What the statement gives; asked once more where the connection had died while it lay in the pool."""
    connection = engine.raw_connection()
    try:
        return _run(connection.driver_connection, sql, parameters, fetch)
    except engine.dialect.loaded_dbapi.Error as error:
        if not engine.dialect.is_disconnect(error, connection.driver_connection, None):
            raise
        connection.invalidate(error)
    finally:
        connection.close()
    engine.dispose()  # whatever ended that one, a restart say, has ended all that lay beside it
    with closing(engine.raw_connection()) as another:
        return _run(another.driver_connection, sql, parameters, fetch)


def _run(connection: Any, sql: str, parameters: Any, fetch: Fetch) -> Any:
    has_transactions = hasattr(connection, "autocommit") and connection.autocommit is False
    if has_transactions:
        connection.autocommit = True  # a lone SELECT needs no BEGIN and no ROLLBACK around it
    try:
        return fetch(connection.execute(sql, parameters))
    finally:
        if has_transactions and not connection.closed:
            connection.autocommit = False
