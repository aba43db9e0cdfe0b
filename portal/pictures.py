"""Pictures drawn from numbers: the inside of an `<svg>`, whose words and table stand in the template around it."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from markupsafe import Markup

from portal.dates import day_short

TALLEST = 150  # pixels of the highest bar; the rest of the picture's 200 is for words
GROUND = 172
WORDS_AT = 194
GAP = 0.14  # of a week's place, on each side of its bar


class Ends(Protocol):
    """How many consents end in a week."""

    @property
    def starts_on(self) -> date: ...
    @property
    def count(self) -> int: ...


def ends_bars(weeks: Sequence[Ends], soon: int) -> Markup:
    """A bar a week, those of the first `soon` weeks in a colour of their own.

    Across in per cent and up in pixels: the bars stretch with the page while words and height stay as they are.
    """
    most = max((week.count for week in weeks), default=0) or 1
    place = 100 / max(1, len(weeks))
    return Markup(  # noqa: S704 - numbers and words of ours alone
        "".join(
            _bar(week, number * place, place, most, "bar-soon" if number < soon else "bar-later")
            + _day(week, number, place)
            for number, week in enumerate(weeks)
        )
    )


def ends_rows(weeks: Sequence[Ends]) -> Markup:
    """The same numbers as rows of a table."""
    return Markup("".join(map(_row, weeks)))  # noqa: S704 - numbers and words of ours alone


def _row(week: Ends) -> str:
    begins = f'<time datetime="{week.starts_on}">{day_short(week.starts_on)}</time>'
    return (
        f'<tr><th scope="row" data-label="Week beginning">{begins}</th>'
        f'<td class="is-number" data-label="Connections">{week.count:,}</td></tr>'
    )


def _bar(week: Ends, begins: float, place: float, most: int, kind: str) -> str:
    x, middle, width = begins + place * GAP, begins + place / 2, place * (1 - 2 * GAP)
    if not week.count:
        return f'<rect class="bar-none" x="{x:.2f}%" y="{GROUND - 2}" width="{width:.2f}%" height="2" rx="1"></rect>'
    tall = round(TALLEST * week.count / most)
    return (
        f'<rect class="{kind}" x="{x:.2f}%" y="{GROUND - tall}" width="{width:.2f}%" height="{tall}" rx="3"></rect>'
        f'<text class="bar-count" x="{middle:.2f}%" y="{GROUND - tall - 7}">{week.count:,}</text>'
    )


def _day(week: Ends, number: int, place: float) -> str:
    """What stands below the bar; narrow screens leave out every other one."""
    kind = ' class="every-other"' if number % 2 else ""
    return f'<text{kind} x="{place * (number + 0.5):.2f}%" y="{WORDS_AT}">{day_short(week.starts_on)}</text>'
