"""What backends send, held against the schema that describes it: each wrong part is named with a sentence about it."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from portal.blueprints.api.shapes import Schema
from portal.rules.problems import InvalidRequest

REQUIRED = "This is required."
UNKNOWN_MEMBER = "There is no such member."
UNKNOWN_PARAMETER = "There is no such parameter."  # a misspelt filter would otherwise show everything
WHOLE = re.compile(r"-?[0-9]{1,18}")

Errors = Iterator[tuple[str, str]]


def body_of(schema: Schema, sent: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members of the JSON object as they were sent, whole numbers as such; raises InvalidRequest."""
    _refuse_if_any(_errors(schema, sent, UNKNOWN_MEMBER))
    return {name: _plain(value, schema["properties"][name]) for name, value in sent.items()}


def query_of(schema: Schema, sent: Mapping[str, str]) -> Mapping[str, Any]:
    """The query string with its numbers and moments read; raises InvalidRequest."""
    members: Mapping[str, Schema] = schema["properties"]
    read = {name: _read(text, members.get(name, {})) for name, text in sent.items()}
    _refuse_if_any(_errors(schema, read, UNKNOWN_PARAMETER))
    return {name: _moment(value) if _is_moment(members[name]) else value for name, value in read.items()}


def _refuse_if_any(errors: Errors) -> None:
    if found := dict(errors):
        raise InvalidRequest(found)


def _errors(schema: Schema, sent: Mapping[str, object], unknown: str) -> Errors:
    members = schema["properties"]
    yield from ((name, REQUIRED) for name in schema["required"] if name not in sent)
    for name, value in sent.items():
        if name not in members:
            yield name, unknown
        elif not is_met(members[name], value):
            yield name, wanted(members[name])


def is_met(schema: Schema, value: object) -> bool:
    """Whether a value meets a schema of the few keywords that requests are described with."""
    kinds = schema.get("type", ())
    named = (kinds,) if isinstance(kinds, str) else kinds
    if named and not any(_KINDS[kind](value) for kind in named):
        return False
    if isinstance(value, str):
        return _is_met_by_text(schema, value)
    if isinstance(value, dict):
        return _is_met_by_mapping(schema, value)
    return not _is_number(value) or schema.get("minimum", value) <= value <= schema.get("maximum", value)


def _is_met_by_text(schema: Schema, text: str) -> bool:
    fits = schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text))
    is_known = text in schema.get("enum", (text,)) and re.search(schema.get("pattern", ""), text) is not None
    return fits and is_known and (not _is_moment(schema) or _moment(text) is not None)


def _is_met_by_mapping(schema: Schema, mapping: dict[str, object]) -> bool:
    of_each = schema.get("additionalProperties", {})
    return len(mapping) <= schema.get("maxProperties", len(mapping)) and all(
        is_met(of_each, value) for value in mapping.values()
    )


def wanted(schema: Schema) -> str:
    """What to send instead, in a sentence made from the schema's keywords."""
    if "enum" in schema:
        return f"Send one of {', '.join(schema['enum'])}."
    if "minimum" in schema:
        return f"Send a whole number from {schema['minimum']} to {schema['maximum']}."
    if _is_moment(schema):
        return "Send a moment in ISO 8601 with its time zone, such as 2026-12-02T00:00:00Z."
    if "maxProperties" in schema:
        return (
            f"Send an object of at most {schema['maxProperties']} texts, none longer than {_longest(schema)} letters."
        )
    if "pattern" in schema:
        return f"Send it just as it came from us: 1 to {schema['maxLength']} letters, digits, - and _."
    return f"Send a text of {schema['minLength']} to {schema['maxLength']} letters."


def _longest(schema: Schema) -> int:
    return int(schema["additionalProperties"]["maxLength"])


def _read(text: str, schema: Schema) -> object:
    """A value of the query string: numbers become such where they are written as such."""
    return int(text) if schema.get("type") == "integer" and WHOLE.fullmatch(text) else text


def _plain(value: object, schema: Schema) -> object:
    """JSON knows one kind of number: 60.0 is as whole as 60."""
    return int(value) if isinstance(value, float) and "integer" in schema.get("type", ()) else value


def _is_moment(schema: Schema) -> bool:
    return schema.get("format") == "date-time"


def _moment(value: object) -> datetime | None:
    """An ISO 8601 moment with its offset from UTC, in UTC; None for anything else."""
    try:
        moment = datetime.fromisoformat(str(value))
        return None if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter where an offset leads beyond the calendar's ends
        return None


def _is_whole(value: object) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer or (isinstance(value, float) and value.is_integer())


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_whole,
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}
