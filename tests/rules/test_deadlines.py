from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import deadlines

END = date(2027, 2, 16)


@pytest.mark.parametrize(
    ("left", "step"),
    [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (1, 7), (0, 0), (-1, 0), (-30, 0), (-31, None)],
)
def test_the_newest_step_reached_is_due(left: int, step: int | None) -> None:
    assert deadlines.step_due(END, today=END - timedelta(days=left)) == step


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 400))
def test_looking_every_day_meets_each_step_once_and_in_order(on: date, before: int) -> None:
    days = (on - timedelta(days=left) for left in range(before, -60, -1))
    steps = [step for day in days if (step := deadlines.step_due(on, today=day)) is not None]
    assert steps == sorted(steps, reverse=True)
    assert set(steps) >= {step for step in deadlines.STEPS if step <= before}


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (60, "in 60 days (16 February 2027)"),
        (1, "in 1 day (16 February 2027)"),
        (0, "today (16 February 2027)"),
        (-1, "1 day ago (16 February 2027)"),
        (-400, "400 days ago (16 February 2027)"),
    ],
)
def test_the_day_is_told_by_how_far_it_is(left: int, words: str) -> None:
    assert deadlines.in_words(END, today=END - timedelta(days=left)) == words


def test_an_operator_who_looks_is_told_from_the_first_step_on_and_for_ever() -> None:
    told = [deadlines.is_near(END, today=END - timedelta(days=left)) for left in (61, 60, 0, -1000)]
    assert told == [False, True, True, True]


def test_the_day_itself_is_not_past() -> None:
    assert not deadlines.is_past(END, today=END)
    assert deadlines.is_past(END, today=END + timedelta(days=1))
