"""Where in a file's text a key is set: TOML's reader does not tell."""

import re
from collections.abc import Iterator

from portal.providers.reading import Place

HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(#.*)?")
SETTING = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")


def line_of(text: str, place: Place) -> int:
    """The line that sets the key at `place`, or else what lies nearest above it; 0 where nothing of it is written."""
    deepest, found = 0, 0
    for number, here in _places(text):
        if here == place[: len(here)] and len(here) > deepest:
            deepest, found = len(here), number
    return found


def _places(text: str) -> Iterator[tuple[int, Place]]:
    """Every line that opens a table or sets a key, with its place: `[[errors]]` for the third time is errors, [2]."""
    table: Place = ()
    counts: dict[Place, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        header, setting = HEADER.fullmatch(line), SETTING.match(line)
        if header:
            table = _opened(tuple(header[2].split(".")), counts, is_one_of_many=header[1] == "[[")
            yield number, table
        elif setting:
            yield number, (*table, *setting[1].split("."))


def _opened(keys: Place, counts: dict[Place, int], *, is_one_of_many: bool) -> Place:
    """A header's place: an element of a list is its newest one, and a `[[...]]` begins another."""
    place: Place = ()
    for position, key in enumerate(keys, start=1):
        place = (*place, key)
        if is_one_of_many and position == len(keys):
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, f"[{counts[place]}]")
    return place
