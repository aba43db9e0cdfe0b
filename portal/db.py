"""The database: engine settings, column types, and the transaction every public service function runs in."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CursorResult, DateTime, Engine, LargeBinary, MetaData, UpdateBase, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from portal import sqlite
from portal.crypto import Sealed
from portal.sqlite import CONNECT_ARGS, REPEATABLE, WRITING

P = ParamSpec("P")
T = TypeVar("T")

NEVER = datetime(9999, 12, 31, tzinfo=UTC)  # how "no date" is stored where rows are sorted and compared by date
NEVER_AS_TEXT = "9999-12-31 00:00:00.000000"  # in SQLite
POOLED = 10  # connections a process keeps: nobody holds one while waiting for anything but the database
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """What all tables share."""

    metadata = MetaData(naming_convention=NAMES)


db: SQLAlchemy = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


class Moment(TypeDecorator[datetime]):
    """An aware UTC moment.

    SQLite keeps texts, read here: SQLAlchemy's own reading is slower and gives naive ones.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        return self.read if dialect.name == "sqlite" else super().result_processor(dialect, coltype)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime was about to be stored")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    @staticmethod
    def read(text: str | None) -> datetime | None:
        """The moment of SQLite's text."""
        return None if text is None else datetime.fromisoformat(f"{text}+00:00")


class MomentOrNever(Moment):
    """A moment that may be missing (None), stored as a far date so that it sorts last and needs no NULL handling.

    In SQL compare it with `NEVER`, not with NULL.
    """

    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return super().process_bind_param(NEVER if value is None else value, dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        moment = super().process_result_value(value, dialect)
        return None if moment is None or moment >= NEVER else moment

    @staticmethod
    def read(text: str | None) -> datetime | None:
        """The same of SQLite's text."""
        return None if text is None or text >= NEVER_AS_TEXT else Moment.read(text)


class SealedBytes(TypeDecorator[Sealed]):
    """A secret column: only sealed values go in and come out."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Sealed | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.raw

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Sealed | None:
        return None if value is None else Sealed(bytes(value))


def transaction(function: Callable[P, T]) -> Callable[P, T]:
    """Run a service function as one writing transaction: nested calls join it, an exception rolls all of it back."""

    @wraps(function)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
        return _run(lambda: function(*args, **kwargs), writing=True)

    return in_transaction


def repeatable_transaction(function: Callable[P, T]) -> Callable[P, T]:
    """As `transaction`, for notes that may be lost if the machine itself fails, because the work is then repeated.

    SQLite does not wait for the disk; whatever happens to processes, the note is kept. PostgreSQL makes no difference.
    """

    @wraps(function)
    def in_transaction(*args: P.args, **kwargs: P.kwargs) -> T:
        return _run(lambda: function(*args, **kwargs), writing=True, repeatable=True)

    return in_transaction


def reading(function: Callable[P, T]) -> Callable[P, T]:
    """Run a service function as one read-only look at the database: nothing it does is kept."""

    @wraps(function)
    def while_reading(*args: P.args, **kwargs: P.kwargs) -> T:
        return _run(lambda: function(*args, **kwargs), writing=False)

    return while_reading


def after_commit(act: Callable[[], object]) -> None:
    """Do this once the transaction around us has succeeded, and never if it has not."""
    session = db.session()
    if not session.info.get("inside"):
        raise RuntimeError("after_commit() needs a transaction around it")
    session.info.setdefault("after_commit", []).append(act)


def is_inside_transaction() -> bool:
    """Whether a transaction is around us, which what is called now would join."""
    return bool(db.session().info.get("inside"))


def hold(name: str) -> None:
    """Until the transaction around us ends, let nobody else go on who holds the same name; no row is locked by it.

    On SQLite nobody else writes meanwhile anyway.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def rows_changed(statement: UpdateBase) -> int:
    """Run an UPDATE or DELETE in the transaction around us and say how many rows it met: 0 = somebody was faster."""
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount


def insert_into(table: type[Base]) -> postgresql.Insert | sqlite_dialect.Insert:
    """An INSERT that understands ON CONFLICT, for the database at hand."""
    is_postgresql = db.session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if is_postgresql else sqlite_dialect.insert(table)


def _run(act: Callable[[], T], *, writing: bool, repeatable: bool = False) -> T:
    session = db.session()
    inside = session.info.get("inside")
    if inside == "writing" or (inside and not writing):
        return act()
    if inside:
        raise RuntimeError("a writing service was called from a reading one")
    return _outermost(session, act, writing=writing, repeatable=repeatable)


def _outermost(session: Session, act: Callable[[], T], *, writing: bool, repeatable: bool) -> T:
    session.rollback()  # whatever was read before must not be the snapshot we decide on
    session.expunge_all()
    session.info.update(inside="writing" if writing else "reading", after_commit=[])
    try:
        session.connection(execution_options={WRITING: writing, REPEATABLE: repeatable})
        result = act()
        if writing:
            session.commit()
        followers = session.info["after_commit"]
    finally:
        session.info.update(inside=None, after_commit=[])
        session.rollback()
    for follow_up in followers:
        follow_up()
    return result


def engine_options(url: str) -> dict[str, Any]:
    """Engine settings for the database behind `url`: a process's threads share a few connections."""
    quiet = {"hide_parameters": True}  # an error's words go into the log, and values hold addresses
    if url.startswith("sqlite"):
        return quiet | {"connect_args": CONNECT_ARGS}
    return quiet | {"pool_size": POOLED, "max_overflow": 0, "pool_use_lifo": True, "pool_recycle": 1800}


def prepare_engine(engine: Engine) -> None:
    """What an engine needs before its first connection."""
    if engine.dialect.name == "sqlite":
        sqlite.prepare(engine)
