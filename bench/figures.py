"""What was measured: a subject beside its reference, their ratio, and the bound it must keep to."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Median:
    """The median of one thing's runs."""

    what: str
    value: float
    unit: str  # "ms" a run, "/s", or "calls"

    def __str__(self) -> str:
        digits = 0 if self.value >= 100 or self.unit == "calls" else 2
        return f"{self.value:,.{digits}f} {self.unit}"


@dataclass(frozen=True, slots=True)
class Bound:
    """How large, or how small, a ratio may be."""

    number: float
    is_floor: bool = False

    def holds(self, ratio: float) -> bool:
        return ratio >= self.number if self.is_floor else ratio <= self.number

    def __str__(self) -> str:
        return f"{'at least' if self.is_floor else 'at most'} {self.number:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    measurement: str
    database: str
    subject: Median
    reference: Median
    bound: Bound

    @property
    def ratio(self) -> float:
        return self.subject.value / self.reference.value

    @property
    def holds(self) -> bool:
        return self.bound.holds(self.ratio)

    def __str__(self) -> str:
        verdict = "pass" if self.holds else "FAIL"
        compared = f"{self.subject.what}: {self.subject}, {self.reference.what}: {self.reference}"
        return f"{verdict}  {self.ratio:8.2f}  {self.bound!s:14}  {self.database:10}  {self.measurement:9}  {compared}"


def at_most(number: float) -> Bound:
    return Bound(number)


def at_least(number: float) -> Bound:
    return Bound(number, is_floor=True)


def as_markdown(figures: Iterable[Figure]) -> str:
    """The figures as a table for the documentation."""
    lines = ["| | database | measured | compared with | ratio | bound | |", "|---|---|---|---|---|---|---|"]
    for one in figures:
        measured = f"{one.subject.what}: {one.subject}"
        compared = f"{one.reference.what}: {one.reference}"
        verdict = "holds" if one.holds else "**missed**"
        cells = (one.measurement, one.database, measured, compared, f"{one.ratio:.2f}", str(one.bound), verdict)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
