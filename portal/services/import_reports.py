"""What an import did or would do, and the two looks at a file that make it all or nothing."""

from collections.abc import Callable
from dataclasses import dataclass

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


def all_or_nothing(look: Callable[[], Imported], write: Callable[[], Imported], *, is_dry_run: bool) -> Imported:
    """Look at the whole file first, without holding anybody up; write only if every line of it is right.

    `look` and `write` raise ImportRefused with every bad line. The second judges again: it sees what changed since.
    """
    found = reading(look)()
    return found if is_dry_run else settled(transaction(write))


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
