"""The texts of a provider's file, each with its place."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from portal.providers.reading import Place

UNEXPANDED = frozenset({"vars", "errors", "connectors", "subject_pattern"})


def texts(table: object, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text of the file that may hold a variable, with its place; patterns, rules and connectors hold none."""
    if isinstance(table, str):
        yield place, table
    elif isinstance(table, tuple):
        for index, item in enumerate(table):
            yield from texts(item, (*place, f"[{index}]"))
    else:
        for key, value in _members(table):
            yield from texts(value, (*place, key))


def _members(table: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(table):
        pairs = ((field.name, getattr(table, field.name)) for field in fields(table))
    elif isinstance(table, dict):
        pairs = ((key, value) for key, value in table.items())
    else:
        return
    yield from ((key, value) for key, value in pairs if key not in UNEXPANDED)
