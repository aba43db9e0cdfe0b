"""The shapes of what backends send and get: a TypedDict each, and the JSON Schema it makes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

Schema = dict[str, Any]
Name = Callable[[type, Schema], Schema]
"""Where an object's schema is put, and what then stands in its place: itself, or a reference to it."""
Inner = Callable[[Any], Schema]

PLAIN: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    UUID: {"type": "string", "format": "uuid"},
    NoneType: {"type": "null"},
    object: {},
    Any: {},
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Keywords of JSON Schema that say more than a type does."""

    keywords: tuple[tuple[str, object], ...]


def mark(**keywords: object) -> Mark:
    """For `Annotated`: `Annotated[int, mark(minimum=0)]`."""
    return Mark(tuple(keywords.items()))


def in_place(_kind: type, schema: Schema) -> Schema:
    """Objects described where they stand."""
    return schema


def schema_of(kind: Any, name: Name = in_place) -> Schema:
    """The JSON Schema of a type; raises TypeError for one that cannot be described."""
    if kind in PLAIN:
        return dict(PLAIN[kind])
    if is_typeddict(kind):
        return name(kind, _object(kind, name))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {"type": "string", "enum": [word.value for word in kind]}
    describe = _COMPOUND.get(get_origin(kind))
    if describe is None:
        raise TypeError(f"{kind!r} has no schema")
    return describe(get_args(kind), partial(schema_of, name=name))


def _object(kind: Any, name: Name) -> Schema:
    """All members are named; those not `NotRequired` are there."""
    hints = get_type_hints(kind, include_extras=True)
    members = {member: schema_of(_bare(hint), name) for member, hint in hints.items()}
    required = [member for member in hints if member in kind.__required_keys__]
    return {"type": "object", "properties": members, "required": required, "additionalProperties": False}


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is NotRequired else hint


def _annotated(parts: tuple[Any, ...], inner: Inner) -> Schema:
    kind, *marks = parts
    return inner(kind) | {name: value for one in marks for name, value in one.keywords}


def _union(kinds: tuple[Any, ...], inner: Inner) -> Schema:
    choices = [inner(kind) for kind in kinds]
    if len(choices) == 2 and kinds[1] is NoneType and "type" in choices[0] and "enum" not in choices[0]:
        return choices[0] | {"type": [choices[0]["type"], "null"]}
    return {"anyOf": choices}


def _list(kinds: tuple[Any, ...], inner: Inner) -> Schema:
    return {"type": "array", "items": inner(kinds[0])}


def _mapping(kinds: tuple[Any, ...], inner: Inner) -> Schema:
    return {"type": "object", "additionalProperties": inner(kinds[1])}


_COMPOUND: Mapping[object, Callable[[tuple[Any, ...], Inner], Schema]] = {
    Annotated: _annotated,
    Union: _union,
    UnionType: _union,
    list: _list,
    dict: _mapping,
}

Moment = Annotated[str, mark(format="date-time")]
Id = Annotated[str, mark(format="uuid")]
