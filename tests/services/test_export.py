"""What people call things stays text in a spreadsheet, by whichever sign it separates the cells."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services.export import inert

WIDE = "\uff1d\uff0b\uff0d\uff20"  # = + - @ as Japanese keyboards have them


def cells(text: str, separator: str) -> list[str]:
    """The cells of a line with this text in its middle, as a spreadsheet shows them that separates like this."""
    line = io.StringIO()
    csv.writer(line).writerow(["7", inert(text), "active"])
    return [cell for row in csv.reader(io.StringIO(line.getvalue(), newline=""), delimiter=separator) for cell in row]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@given(text=st.text(alphabet="=+-@;,\t\r\n\" a'" + WIDE, max_size=12))
def test_no_cell_begins_as_a_formula(separator: str, text: str):
    assert not [cell for cell in cells(text, separator) if cell.lstrip('" ').startswith(tuple("=+-@" + WIDE))]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("x;=2+5;", "x;'=2+5;"),
        ('x; "=2+5', "x;' \"=2+5"),
        ("x\t@SUM(A1)", "x\t'@SUM(A1)"),
        (f"{WIDE[0]}1+1", f"'{WIDE[0]}1+1"),
    ],
)
def test_an_apostrophe_stands_before_what_would_be_run(text: str, written: str):
    assert inert(text) == written


@pytest.mark.parametrize("text", ["", "Company page", "a=b; c-d", "ana+news@acme.example", "O'Neill", "7,-"])
def test_everything_else_is_written_as_it_is(text: str):
    assert inert(text) == text
