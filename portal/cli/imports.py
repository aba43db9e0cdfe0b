"""What the importing commands share: the file, its progress on a terminal, and the words about what came of it."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import click

from portal.rules.problems import ImportRefused

if TYPE_CHECKING:
    from portal.services.csv_files import Source
    from portal.services.import_reports import Imported

ExistingFile = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


class _Bar(Protocol):
    def update(self, steps: int) -> None: ...


class _Watched:
    """A file that moves a progress bar on as it is read."""

    def __init__(self, file: BinaryIO, bar: _Bar) -> None:
        self._file = file
        self._bar = bar

    def readline(self, limit: int, /) -> bytes:
        raw = self._file.readline(limit)
        self._bar.update(len(raw))
        return raw

    def seek(self, offset: int, /) -> int:
        return self._file.seek(offset)


def run(path: Path, work: "Callable[[Source], Imported]") -> "Imported":
    """Import the file; a refusal names every bad line."""
    if not path.is_file():
        raise click.UsageError("FILE.csv must be an ordinary file: it may be read twice.")
    length = path.stat().st_size
    on_terminal = click.progressbar(length=length, label=path.name, file=sys.stderr) if sys.stderr.isatty() else None
    try:
        with path.open("rb") as file, on_terminal or nullcontext() as bar:
            return work(_Watched(file, bar) if bar is not None else file)
    except ImportRefused as refused:
        raise click.ClickException(in_lines(path, refused)) from refused


def in_lines(path: Path, refused: ImportRefused) -> str:
    """Each bad line with its number, and that nothing was done."""
    bad = [f"{path}:{number}: {message}" for number, message in refused.lines]
    count = f"{len(bad):,} line{'' if len(bad) == 1 else 's'}"
    return "\n".join([*bad, f"Nothing was imported: {count} to correct."])


def outcome(done: "Imported", things: str) -> str:
    """What came of it, in a sentence."""
    counts = [f"{done.added:,} {'would be ' if done.is_dry_run else ''}added"]
    if done.changed:
        counts.append(f"{done.changed:,} {'would be ' if done.is_dry_run else ''}changed")
    counts.append(f"{done.unchanged:,} here already")
    words = f"{things}: {', '.join(counts)}."
    if done.is_dry_run:
        return f"{words} This was a dry run: nothing was changed."
    return words if done.added or done.changed else f"{words} Nothing was changed."
