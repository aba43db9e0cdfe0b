"""Losing a race is no failure: the loser looks again and decides anew on what the winner left."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError

T = TypeVar("T")

TRIES = 8
LOST = frozenset({"40001", "40P01"})  # PostgreSQL: serialization failure, deadlock


class Outrun(Exception):
    """A row was changed between our look at it and our write."""


def settled(act: Callable[[], T]) -> T:
    """The result of one whole transaction, tried again from its first look when a concurrent one was faster.

    A unique index, a fence (`Outrun`) or the database's own deadlock detection tells that it was. `act` must not run
    inside another transaction.
    """
    for _ in range(TRIES - 1):
        try:
            return act()
        except (Outrun, DBAPIError) as lost:
            if not is_lost(lost):
                raise
    return act()


def is_lost(error: Exception) -> bool:
    """Whether a concurrent transaction was faster."""
    if isinstance(error, Outrun | IntegrityError):
        return True
    return getattr(getattr(error, "orig", None), "sqlstate", None) in LOST
