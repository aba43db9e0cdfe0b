"""CSV files: what is right is read whatever tool wrote it, what is wrong is told by its line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.services import csv_files
from portal.services.csv_files import BadLine, Line

COLUMNS = ("email", "name")
SECRET = "canary-8f31"


def read(raw: bytes) -> list[Line | BadLine]:
    return [line for batch in csv_files.batches(io.BytesIO(raw), COLUMNS) for line in batch]


def good(raw: bytes) -> list[tuple[int, str, str]]:
    lines = [line for line in read(raw) if isinstance(line, Line)]
    assert len(lines) == len(read(raw)), read(raw)
    return [(line.number, line.cells["email"], line.cells["name"]) for line in lines]


def bad(raw: bytes) -> list[tuple[int, str]]:
    return [(line.number, line.message) for line in read(raw) if isinstance(line, BadLine)]


@pytest.mark.parametrize(
    "raw",
    [
        b"email,name\na,b\n",
        b"email,name\r\na,b\r\n",
        b"email,name\na,b",
        b"\xef\xbb\xbfemail,name\na,b\n",
        b'"email","name"\n"a","b"\n',
        b"name,email\nb,a\n",
        b" Email , NAME \n a , b \n",
    ],
)
def test_a_file_of_any_tool_is_read(raw: bytes) -> None:
    assert good(raw) == [(2, "a", "b")]


def test_lines_are_numbered_as_an_editor_does() -> None:
    assert good(b'email,name\na,"b\nc"\n\n,\nd,e\n') == [(2, "a", "b\nc"), (6, "d", "e")]


def test_signs_of_all_languages_are_read() -> None:
    assert good("email,name\na,Ćićo “日本”\n".encode()) == [(2, "a", "Ćićo “日本”")]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "has to name the columns email,name"),
        (b"\n", "has to name the columns"),
        (b"email\n", "Missing: name."),
        (b"email;name\na;b\n", "Other signs than commas"),
        (b"email\tname\n", "Other signs than commas"),
        (b"email,name,role\n", "There are others"),
        (b"email,name,name\n", "some twice"),
        (b"a,b\n", "has to name the columns"),
        ("email,name\na,é\n".encode("utf-16"), "not UTF-8"),
        (b"email,name\ra,b\r", "carriage return"),
        (b"\x00\x01\x02", "has to name the columns"),
    ],
)
def test_a_wrong_first_line_is_the_only_complaint(raw: bytes, words: str) -> None:
    ((number, message),) = bad(raw)
    assert number == 1
    assert words in message


@pytest.mark.parametrize(
    ("raw", "number", "words"),
    [
        ("email,name\na,b\nc,é\nd,e\n".encode("latin-1"), 3, "not UTF-8"),
        (b"email,name\na,b,c\nd,e\n", 2, "3 cells instead of 2"),
        (b"email,name\na\nd,e\n", 2, "1 cells instead of 2"),
        (b'email,name\n"a"b,c\nd,e\n', 2, "quotation marks"),
        (b'email,name\na,b\n"c,d\ne,f\n', 3, "never closed"),
        (b"email,name\na," + b"x" * 200_000 + b"\nd,e\n", 2, "far too long"),
        (b"email,name\na," + b"x" * 2_000_000 + b"\nd,e\n", 2, "too long"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_read(raw: bytes, number: int, words: str) -> None:
    ((named, message),) = bad(raw)
    assert named == number
    assert words in message


def test_nothing_of_a_wrong_line_is_repeated() -> None:
    for raw in (
        f"{SECRET},x\n",
        f"email,name\n{SECRET},x,y\n",
        f'email,name\n"{SECRET}"x,y\n',
        f'email,name\n"{SECRET}',
    ):
        assert SECRET not in str(bad(raw.encode()))
        assert bad(raw.encode())


def test_long_files_come_in_batches() -> None:
    raw = b"email,name\n" + b"a,b\n" * 2_500
    assert [len(batch) for batch in csv_files.batches(io.BytesIO(raw), COLUMNS)] == [1000, 1000, 500]


@given(st.binary(max_size=400))
def test_no_bytes_at_all_are_a_fault(raw: bytes) -> None:
    read(b"email,name\n" + raw)
    read(raw)


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str]]) -> None:
    rows = [(one.replace("\r", "").replace("\x00", ""), two.replace("\r", "").replace("\x00", "")) for one, two in rows]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([COLUMNS, *rows])
    try:
        raw = text.getvalue().encode()
    except UnicodeEncodeError:
        return
    assert [cells[1:] for cells in good(raw)] == [(one.strip(), two.strip()) for one, two in rows if one or two]
