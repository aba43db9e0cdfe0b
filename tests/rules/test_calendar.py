from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.calendar import event_ics
from tests.rules.strategies import NOON


def an_event(
    *,
    uid: str = "id-1@portal.example",
    summary: str = "Reconnect",
    description: str = "",
    starts_on: date = date(2026, 12, 2),
    now: datetime = NOON,
) -> str:
    return event_ics(uid=uid, summary=summary, description=description, starts_on=starts_on, now=now)


def unfolded(text: str) -> dict[str, str]:
    """The file's properties, read as RFC 5545 says."""
    lines = text.replace("\r\n ", "").split("\r\n")
    return dict(line.split(":", 1) for line in lines if line)


def unescaped(value: str) -> str:
    pieces = value.replace("\\\\", "\x00").replace("\\n", "\n").replace("\\,", ",").replace("\\;", ";")
    return pieces.replace("\x00", "\\")


def test_the_whole_file_is_as_calendars_read_it() -> None:
    assert an_event(description="Two clicks.").split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Reconsent//Reconsent//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:id-1@portal.example",
        "DTSTAMP:20261120T120000Z",
        f"SEQUENCE:{int(NOON.timestamp()) // 60}",
        "DTSTART;VALUE=DATE:20261202",
        "DTEND;VALUE=DATE:20261203",
        "SUMMARY:Reconnect",
        "DESCRIPTION:Two clicks.",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


def test_a_day_at_the_end_of_february_ends_on_the_next() -> None:
    assert "DTEND;VALUE=DATE:20280229\r\n" in an_event(starts_on=date(2028, 2, 28))
    assert "DTEND;VALUE=DATE:20270301\r\n" in an_event(starts_on=date(2027, 2, 28))


def test_the_stamp_is_in_utc_and_a_later_file_replaces_an_earlier_one() -> None:
    later = unfolded(an_event(now=datetime(2030, 1, 1, 1, tzinfo=UTC) + timedelta(minutes=1)))
    assert later["DTSTAMP"] == "20300101T010100Z"
    assert int(unfolded(an_event())["SEQUENCE"]) < int(later["SEQUENCE"]) < 2**31


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a,b;c\\d", "a\\,b\\;c\\\\d"),
        ("one\ntwo\r\nthree\rfour", "one\\ntwo\\nthree\\nfour"),
        ("bell\x07 and \x00null\x7f", "bell and null"),
        ("tab\tstays: and colons", "tab\tstays: and colons"),
        ("END:VEVENT\r\nBEGIN:VALARM", "END:VEVENT\\nBEGIN:VALARM"),
    ],
)
def test_texts_are_escaped(text: str, written: str) -> None:
    file = an_event(uid=text, summary=text, description=text)
    assert all(unfolded(file)[name] == written for name in ("UID", "SUMMARY", "DESCRIPTION"))


@pytest.mark.parametrize(("length", "lines"), [(67, 1), (68, 2), (141, 2), (142, 3)])
def test_a_line_is_folded_after_seventy_five_octets(length: int, lines: int) -> None:
    written = an_event(summary="x" * length)
    pieces = written[written.index("SUMMARY") : written.index("\r\nDESCRIPTION")].split("\r\n")
    assert len(pieces) == lines
    assert max(map(len, pieces)) <= 75


@given(st.text(max_size=300), st.text(max_size=100))
def test_any_text_fits_and_is_read_back(description: str, summary: str) -> None:
    printable = str.maketrans({chr(code): None for code in (*range(9), 11, 12, *range(14, 32), 127)})
    file = an_event(description=description.encode("utf-8", "replace").decode(), summary=summary)
    assert all(len(line.encode("utf-8", "surrogatepass")) <= 75 for line in file.split("\r\n"))
    meant = description.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert unescaped(unfolded(file)["DESCRIPTION"]) == meant.translate(printable)
