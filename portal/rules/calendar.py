"""The next date as a calendar file (RFC 5545), so that people find it where they look for dates."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_LINE_OCTETS = 75  # RFC 5545 section 3.1, without the line break
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def event_ics(*, uid: str, summary: str, description: str, starts_on: date, now: datetime) -> str:
    """One all-day event as the text of an .ics file: CRLF lines of at most 75 octets, every text escaped.

    The same `uid` with a later `now` replaces the event in the reader's calendar instead of adding a second one.
    """
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Reconsent//Reconsent//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_escaped(uid)}",
        f"DTSTAMP:{now.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{int(now.timestamp()) // 60}",
        f"DTSTART;VALUE=DATE:{starts_on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{starts_on + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(summary)}",
        f"DESCRIPTION:{_escaped(description)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{piece}\r\n" for line in lines for piece in _folded(line))


def _escaped(text: str) -> str:
    """A TEXT value (RFC 5545 section 3.3.11): special characters escaped, control characters dropped."""
    unbroken = text.replace("\r\n", "\n").replace("\r", "\n")
    marked = re.sub(r"([\\;,])", r"\\\1", _CONTROL.sub("", unbroken))
    return marked.replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """A line cut into pieces of at most 75 octets, later ones led by a blank, no character cut in two."""
    piece = ""
    for character in line:
        if len((piece + character).encode()) > _LINE_OCTETS:
            yield piece
            piece = " "
        piece += character
    yield piece
