"""What an import did or would do, and the one transaction that makes it all or nothing."""

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from portal.db import reading, transaction
from portal.rules.problems import ImportRefused, InvalidRequest
from portal.services.csv_files import BadLine, Batch, Line
from portal.services.races import settled


@dataclass(frozen=True, slots=True)
class Imported:
    """How many lines made something new, changed something, or found all as they say."""

    added: int
    changed: int
    unchanged: int
    invited: int
    is_dry_run: bool

    @property
    def lines(self) -> int:
        return self.added + self.changed + self.unchanged


class Work(Protocol):
    """Goes through a whole file and raises ImportRefused if any line of it is bad."""

    def __call__(self, *, is_writing: bool) -> Imported: ...


def all_or_nothing(work: Work, *, is_dry_run: bool) -> Imported:
    """Go through the file in one transaction, which a bad line or a dry run leaves without a trace."""
    if is_dry_run:
        return reading(partial(work, is_writing=False))()
    return settled(transaction(partial(work, is_writing=True)))


def refuse(bad: list[BadLine]) -> None:
    """Raise ImportRefused with the bad lines in their order, if there are any."""
    if bad:
        raise ImportRefused(tuple(sorted((line.number, line.message) for line in bad)))


def sorted_out(batch: Batch, bad: list[BadLine]) -> list[Line]:
    """The lines of a batch that could be read; the others are added to the bad ones."""
    bad.extend(line for line in batch if isinstance(line, BadLine))
    return [line for line in batch if isinstance(line, Line)]


def about(line: Line, invalid: InvalidRequest) -> BadLine:
    """A bad line, told by its wrong cells."""
    return BadLine(line.number, " ".join(f"{column}: {sentence}" for column, sentence in invalid.errors.items()))
