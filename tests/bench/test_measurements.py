"""Every measurement runs, at a size that proves nothing about speed."""

from importlib.util import find_spec

import pytest

from bench.__main__ import DATABASES, MEASUREMENTS, measured
from bench.figures import Bound, Figure, Median, as_markdown
from bench.site import Size

TINY = Size(3_000)
RUN_HERE = [
    name for name in MEASUREMENTS if name != "django" or find_spec("django")
]  # it comes with `make bench` alone


@pytest.mark.postgresql
@pytest.mark.parametrize("name", RUN_HERE)
@pytest.mark.parametrize("kind", DATABASES)
def test_a_measurement_compares_the_product_with_its_reference(kind: str, name: str) -> None:
    figures = list(measured(kind, [name], TINY))
    assert figures
    assert all(figure.subject.value > 0 and figure.reference.value > 0 for figure in figures)
    assert {figure.database for figure in figures} == {kind}


@pytest.mark.parametrize(("value", "holds"), [(2.0, True), (2.1, False), (0.5, True)])
def test_a_ceiling_holds_up_to_its_number(value: float, holds: bool) -> None:
    assert figure(value, Bound(2)).holds is holds


@pytest.mark.parametrize(("value", "holds"), [(2.0, True), (1.9, False), (20.0, True)])
def test_a_floor_holds_from_its_number_on(value: float, holds: bool) -> None:
    assert figure(value, Bound(2, is_floor=True)).holds is holds


def test_a_missed_bound_is_told_in_words_and_in_the_table() -> None:
    missed = figure(3.0, Bound(2))
    assert str(missed).startswith("FAIL")
    assert "**missed**" in as_markdown([missed])


def figure(ratio: float, bound: Bound) -> Figure:
    return Figure("any", "sqlite", Median("ours", ratio, "ms"), Median("theirs", 1.0, "ms"), bound)
