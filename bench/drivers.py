"""The bare drivers: the least that can stand between a program and its database."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Self

import psycopg
from sqlalchemy import URL, make_url

Row = Sequence[Any]


class Driver:
    """One kept connection that commits each statement; `?` marks a parameter on either database."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self.is_postgresql = address.get_backend_name() == "postgresql"
        self._connection: Any = _of_postgresql(address) if self.is_postgresql else _of_sqlite(address)

    def run(self, sql: str, *parameters: Any) -> Any:
        """The cursor of one statement."""
        return self._connection.execute(
            self.marked(sql), *([parameters] if parameters else [])
        )  # a lone % means itself

    def all(self, sql: str, *parameters: Any) -> list[Row]:
        """Every row."""
        rows: list[Row] = self.run(sql, *parameters).fetchall()
        return rows

    def marked(self, sql: str) -> str:
        """The statement as this driver wants it."""
        return sql.replace("?", "%s") if self.is_postgresql else sql

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_how: object) -> None:
        self.close()

    @property
    def raw(self) -> Any:
        return self._connection


def _of_postgresql(address: URL) -> psycopg.Connection[Any]:
    in_utc = "-c timezone=UTC"  # what we send are UTC moments without their zone
    return psycopg.connect(
        host=address.query["host"], user=address.username, dbname=address.database, options=in_utc, autocommit=True
    )


def _of_sqlite(address: URL) -> sqlite3.Connection:
    return sqlite3.connect(address.database or "", isolation_level=None, check_same_thread=False)
