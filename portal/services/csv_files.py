"""CSV files as people's tools write them: every line that cannot be taken is told by its number.

Nothing of a line is ever repeated in what is said about it: a file may hold tokens, even where its header should be.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
LONGEST_LINE = 1024 * 1024
BATCH = 1_000
MILESTONES = frozenset(4**power for power in range(12))  # batches after which tables have grown a lot

NOT_UTF_8 = "This line is not UTF-8. Save the file as “CSV UTF-8” and try again."
NEVER_CLOSED = "A quotation mark opened here is never closed, so the lines behind it could not be read."
STRAY_RETURN = "There is a stray carriage return in this line. Save the file with ordinary line ends and try again."
QUOTING = "The quotation marks in this line do not match: put a cell that holds one in quotation marks and double it."
CELL_TOO_LONG = "A cell in this line is far too long. Perhaps a quotation mark is opened in it that is never closed."
TOO_LONG = "This line is too long to be one of ours, so the lines behind it were not read."
_ESCAPED = re.compile("[\udc80-\udcff]")


class Source(Protocol):
    """An open file of bytes that can be read again from the start."""

    def readline(self, limit: int, /) -> bytes: ...

    def seek(self, offset: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line's cells by column, trimmed; the header is line 1, a record over several lines counts as its first."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be taken, and why."""

    number: int
    message: str


Batch = list[Line | BadLine]


def batches(file: Source, columns: Sequence[str]) -> Iterator[Batch]:
    """The file from its beginning, up to 1,000 lines at a time; the header has to name exactly these columns."""
    file.seek(0)
    batch: Batch = []
    for line in _lines(file, columns):
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(file: Source, columns: Sequence[str]) -> Iterator[Line | BadLine]:
    records = _records(file)
    _, header = next(records, (1, []))
    names = [] if isinstance(header, str) else [cell.strip().lower() for cell in header]
    if isinstance(header, str) or sorted(names) != sorted(columns):
        yield BadLine(1, header if isinstance(header, str) else _header_words(names, columns))
        return
    for number, cells in records:
        if isinstance(cells, str):
            yield BadLine(number, cells)
        elif any(cells):
            yield _line(number, cells, names)


def _line(number: int, cells: Sequence[str], names: Sequence[str]) -> Line | BadLine:
    if len(cells) != len(names):
        return BadLine(number, f"This line has {len(cells)} cells instead of {len(names)}.")
    return Line(number, dict(zip(names, (cell.strip() for cell in cells), strict=True)))


def _records(file: Source) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the number of its first line: its cells, or a sentence about why they cannot be read."""
    reader = csv.reader(_texts(file), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, _in_words(str(error))
        except _TooLong:
            yield number, TOO_LONG
            return
        else:
            yield number, NOT_UTF_8 if any(map(_ESCAPED.search, cells)) else cells


class _TooLong(Exception):
    pass


def _texts(file: Source) -> Iterator[str]:
    """The file's lines as text; bytes that are no UTF-8 stand out as lone surrogates."""
    raw = file.readline(LONGEST_LINE).removeprefix(BOM)
    encoding = "ascii" if raw.startswith(UTF_16) else "utf-8"  # so that nothing of UTF-16 is taken for text
    while raw:
        if len(raw) >= LONGEST_LINE:
            raise _TooLong
        yield raw.decode(encoding, "surrogateescape")
        raw = file.readline(LONGEST_LINE)


def _in_words(error: str) -> str:
    if "new-line" in error:
        return STRAY_RETURN
    if "limit" in error:
        return CELL_TOO_LONG
    return NEVER_CLOSED if "end of data" in error else QUOTING


def _header_words(names: Sequence[str], columns: Sequence[str]) -> str:
    words = f"The first line has to name the columns {','.join(columns)}, separated by commas."
    missing = [column for column in columns if column not in names]
    if missing and len(missing) < len(columns):
        words += f" Missing: {', '.join(missing)}."
    if any(";" in name or "\t" in name for name in names):
        words += " Other signs than commas stand between them here."
    elif len(names) > len(columns) - len(missing):
        words += " There are others, or some twice."
    return words
