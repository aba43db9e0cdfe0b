"""Writes over exactly the generation of a grant that was seen, of many grants in one statement and one commit.

Every write of tokens, leases and failures goes this way, so a late loser can never overwrite what a winner stored.
Those of one moment share a commit (`portal/shared_commits.py`), in the order of their ids, so that two processes never
wait for each other. Where one of them has lost, all are done again one by one, and each learns its own outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, update

from portal.db import db
from portal.models import Grant
from portal.quick import QuickWrite
from portal.services import audit
from portal.shared_commits import SharedWrites

GRANTS = cast(Table, Grant.__table__)
OF, SEEN, FREE_AT = "of_connection", "seen_generation", "free_at"
_OVERWRITE = update(GRANTS).where(GRANTS.c.connection_id == bindparam(OF), GRANTS.c.generation == bindparam(SEEN))
_OVERWRITE_IF_FREE = _OVERWRITE.where(GRANTS.c.lease_until.is_(None) | (GRANTS.c.lease_until <= bindparam(FREE_AT)))


@dataclass(frozen=True, slots=True)
class FencedWrite:
    """Columns of one grant to write over a generation; with `free_at` only if no lease holds it at that moment.

    If the write is won, `event` (of `audit.row`) is recorded and `then` is done, in the same transaction.
    """

    connection_id: UUID
    generation: int
    values: Mapping[str, Any] = field(repr=False)
    free_at: datetime | None = None
    event: Mapping[str, Any] | None = None
    then: Callable[[], None] | None = None

    @property
    def shape(self) -> tuple[bool, tuple[str, ...]]:
        """What those have in common that fit into one statement."""
        return self.free_at is not None, tuple(sorted(self.values))

    @property
    def row(self) -> dict[str, Any]:
        free_at = {} if self.free_at is None else {FREE_AT: self.free_at}
        return {**self.values, OF: self.connection_id, SEEN: self.generation, **free_at}


def write(one: FencedWrite) -> bool:
    """Whether it was won; False when the generation is no longer that, or somebody holds the lease."""
    return _kept.do(one)


def lease(one: FencedWrite) -> bool:
    """The same for a lease: seen by everybody at once, and nothing is lost with it if the machine itself fails."""
    return _noted.do(one)


class _Beaten(Exception):
    """One of several writes met no row; nobody knows which."""


def _write(several: Sequence[FencedWrite]) -> Sequence[bool]:
    in_order = sorted(several, key=lambda one: (one.shape, one.connection_id))
    changed = sum(_rows_changed(shape, list(alike)) for shape, alike in groupby(in_order, key=lambda one: one.shape))
    if changed == len(several):
        _follow(several)
    elif len(several) > 1:
        raise _Beaten
    return [changed == len(several)] * len(several)


def _follow(won: Sequence[FencedWrite]) -> None:
    audit.record_rows([one.event for one in won if one.event is not None])
    for one in won:
        if one.then is not None:
            one.then()


def _rows_changed(shape: tuple[bool, tuple[str, ...]], alike: Sequence[FencedWrite]) -> int:
    return _overwrite(*shape).run(db.session(), [one.row for one in alike])


@cache
def _overwrite(if_free: bool, columns: tuple[str, ...]) -> QuickWrite:  # noqa: FBT001 - a cache's key
    return QuickWrite(_OVERWRITE_IF_FREE if if_free else _OVERWRITE, columns)


_kept = SharedWrites(_write)
_noted = SharedWrites(_write, repeatable=True)
