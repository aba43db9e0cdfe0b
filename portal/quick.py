"""Statements straight on the driver, for what runs most: fresh tokens, who is signed in, the dashboard, small notes.

SQLAlchemy writes each statement, once, and converts the values; its sessions and result objects, which cost several
times as much as the query itself, are left out. A SELECT gets its connection from `portal/parked.py` and reads outside
of any transaction: it sees whatever has been committed. A write belongs to the transaction around it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from sqlalchemy import Engine, Select, UpdateBase
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal import parked

Row = tuple[Any, ...]
Processor = Callable[[Any], Any]


class QuickSelect:
    """A SELECT compiled once for each dialect; its bound parameters are given by name at each call."""

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self._statement = statement
        self._compiled: dict[str, _CompiledSelect] = {}

    def first(self, engine: Engine, parameters: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        reader = Reader(engine)
        try:
            return reader.first(self, parameters)
        finally:
            reader.close()

    def all(self, engine: Engine, parameters: Mapping[str, Any]) -> list[Row]:
        """Every row."""
        with Reader(engine) as reader:
            return reader.all(self, parameters)

    def for_dialect(self, dialect: Dialect) -> "_CompiledSelect":
        """The statement as this database's driver wants it."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _CompiledSelect(self._statement, dialect)
        return compiled


class QuickWrite:
    """An INSERT, UPDATE or DELETE compiled once for each dialect, with the columns it writes from each row.

    Columns that an UPDATE's own `values()` name need not be given. Defaults of the model are not filled in.
    """

    def __init__(self, statement: UpdateBase, columns: Iterable[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, _Compiled] = {}

    def run(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write for each of these rows in the transaction around us; how many rows of the table were met in all."""
        if not rows:
            return 0
        connection = session.connection()
        compiled = self._for_dialect(connection.dialect)
        bound = [compiled.bound(row) for row in rows]
        return connection.exec_driver_sql(compiled.sql, bound if len(bound) > 1 else bound[0]).rowcount

    def _for_dialect(self, dialect: Dialect) -> "_Compiled":
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect, self._columns)
        return compiled


class Reader:
    """One connection for several statements in a row, each of which stands alone and sees what has been committed."""

    __slots__ = ("_connection", "_engine", "_is_proven")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection = parked.take(engine)
        self._is_proven = False  # that it did not die while it lay idle

    def first(self, query: QuickSelect, parameters: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        compiled = query.for_dialect(self._engine.dialect)
        row = self._run(compiled.sql, compiled.bound(parameters)).fetchone()
        return None if row is None else compiled.converted_one(row)

    def all(self, query: QuickSelect, parameters: Mapping[str, Any]) -> list[Row]:
        """Every row."""
        compiled = query.for_dialect(self._engine.dialect)
        return compiled.converted(self._run(compiled.sql, compiled.bound(parameters)).fetchall())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_how: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        parked.give_back(self._engine, self._connection)

    def _run(self, sql: str, parameters: Any) -> Any:
        try:
            cursor = self._connection.execute(sql, parameters)
        except self._engine.dialect.loaded_dbapi.Error as error:
            if self._is_proven or not self._engine.dialect.is_disconnect(error, self._connection.driver, None):
                driver_error = self._engine.dialect.loaded_dbapi.Error
                raise DBAPIError.instance(sql, None, error, driver_error, hide_parameters=True) from error
            self._replace(error)
            cursor = self._connection.execute(sql, parameters)
        self._is_proven = True
        return cursor

    def _replace(self, error: BaseException) -> None:
        """Whatever ended this one, a restart say, has ended all that lay idle beside it."""
        self._connection.end(error)
        self._engine.dispose()
        self._connection = parked.Parked(self._engine)


class _Compiled:
    """The text for one dialect's driver, and the conversions on the way in."""

    def __init__(
        self, statement: Select[*tuple[Any, ...]] | UpdateBase, dialect: Dialect, columns: list[str] | None = None
    ) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self._order = compiled.positiontup
        self._into = {
            name: processor
            for name, bind in compiled.binds.items()
            if (processor := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        given = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
        self._constants = self._stored(given)
        self._unasked = self._in_order(self._constants) if len(given) == len(compiled.binds) else ()

    def bound(self, parameters: Mapping[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
        if not parameters:
            return self._unasked
        return self._in_order(self._constants | self._stored(parameters))

    def _in_order(self, ready: dict[str, Any]) -> tuple[Any, ...] | dict[str, Any]:
        return tuple([ready[name] for name in self._order]) if self._order is not None else ready

    def _stored(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        into = self._into
        return {name: into[name](value) if name in into else value for name, value in parameters.items()}


class _CompiledSelect(_Compiled):
    """The same for a SELECT, with the conversions on the way out."""

    def __init__(self, statement: Select[*tuple[Any, ...]], dialect: Dialect) -> None:
        super().__init__(statement, dialect)
        types = [column.type for column in statement.selected_columns]
        self._out: list[Processor | None] = [
            kind.dialect_impl(dialect).result_processor(dialect, None) for kind in types
        ]

    def converted_one(self, row: Sequence[Any]) -> Row:
        pairs = zip(self._out, row, strict=True)
        return tuple([value if convert is None else convert(value) for convert, value in pairs])

    def converted(self, rows: Iterable[Sequence[Any]]) -> list[Row]:
        """Column by column: most columns need no conversion."""
        columns = zip(*rows, strict=True)
        pairs = zip(self._out, columns, strict=False)  # no rows, no columns
        converted = (column if convert is None else map(convert, column) for convert, column in pairs)
        return list(zip(*converted, strict=True))
