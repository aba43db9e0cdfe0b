"""From the tables of a TOML file to the dataclasses of the schema: every key known, every value of its type.

All complaints of a file are collected, so that who writes one sees everything at once.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from portal.providers.error_rules import ErrorTable
from portal.providers.words import Form
from portal.rules.fault_rules import FaultRule

Place = tuple[str, ...]
Table = Mapping[str, object]
T = TypeVar("T")

URL = re.compile(r"(https?://|\{)[^\s\"<>\\^`|#]+")
POINTER = re.compile(r"(/([^~/|]|~[01])*)+")
POINTERS = re.compile(rf"{POINTER.pattern}(?:\|{POINTER.pattern})*")
PART = re.compile(rf"header:[\w-]+|body:{POINTER.pattern}")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
WORDS_FOR = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", date: "a date"}


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong at one place of a file, the place being the keys that lead to it."""

    place: Place
    text: str


class Unreadable(Exception):
    """A value could not be read; the complaint about it has been noted."""


@dataclass
class Reader:
    """Reads values by the types the schema declares, and notes what does not fit."""

    complaints: list[Complaint] = field(default_factory=list)

    def complain(self, place: Place, text: str) -> None:
        self.complaints.append(Complaint(place, text))

    def table(self, kind: type[T], raw: object, place: Place = ()) -> T:
        """An instance of the dataclass `kind`; raises Unreadable once everything wrong inside has been noted."""
        noted = len(self.complaints)
        values = self._fields(kind, self._as_table(raw, place), place)
        if len(self.complaints) > noted:
            raise Unreadable
        return self._made(lambda: kind(**values), place)

    def _made(self, make: Callable[[], T], place: Place) -> T:
        try:
            return make()
        except (ValueError, re.error) as error:
            self.complain(place, str(error))
            raise Unreadable from error

    def _as_table(self, raw: object, place: Place) -> Table:
        if isinstance(raw, dict):
            return raw
        self.complain(place, "must be a table")
        raise Unreadable

    def _fields(self, kind: type, raw: Table, place: Place) -> dict[str, Any]:
        declared = _declared(kind)
        for key in sorted(raw.keys() - declared.keys()):
            self.complain((*place, key), "is not a key of this table")
        for key in sorted(_required(kind) - raw.keys()):
            self.complain((*place, key), "is missing")
        known = ((key, value) for key, value in raw.items() if key in declared)
        read = {key: self._read(declared[key], value, (*place, key)) for key, value in known}
        return {key: value for key, value in read.items() if value is not MISSING}

    def _read(self, kind: Any, raw: object, place: Place) -> object:
        try:
            return self.value(kind, raw, place)
        except Unreadable:
            return MISSING

    def value(self, kind: Any, raw: object, place: Place) -> object:
        """`raw` as the type `kind` of a field; raises Unreadable when it is not that."""
        origin = get_origin(kind)
        if origin is Annotated:
            plain, form = get_args(kind)
            return self._formed(plain, form, raw, place)
        if origin in (Union, UnionType):
            kind = _without_none(kind)
            return None if raw == {} and is_dataclass(kind) else self.value(kind, raw, place)
        if origin in (tuple, frozenset):
            return self._list(origin, get_args(kind)[0], raw, place)
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(get_args(kind)[1], raw, place)
        return self._single(kind, raw, place)

    def _single(self, kind: Any, raw: object, place: Place) -> object:
        if kind is FaultRule:
            return self._made(self.table(ErrorTable, raw, place).rule, place)
        if is_dataclass(kind):
            return self.table(cast("type[object]", kind), raw, place)
        if kind is object:
            return raw
        if issubclass(kind, StrEnum):
            return self._word(kind, raw, place)
        return self._plain(kind, raw, place)

    def _plain(self, kind: type, raw: object, place: Place) -> object:
        if kind is float and type(raw) is int:
            return float(raw)
        if kind is date and isinstance(raw, str):
            return self._day(raw, place)
        if type(raw) is not kind:
            self.complain(place, f"must be {WORDS_FOR[kind]}")
            raise Unreadable
        return raw

    def _day(self, raw: str, place: Place) -> date:
        try:
            return date.fromisoformat(raw if DAY.fullmatch(raw) else "")
        except ValueError:
            self.complain(place, "must be a date such as 2027-02-16")
            raise Unreadable from None

    def _word(self, kind: type[StrEnum], raw: object, place: Place) -> StrEnum:
        if isinstance(raw, str) and raw in set(kind):
            return kind(raw)
        self.complain(place, f"must be one of {', '.join(kind)}")
        raise Unreadable

    def _list(self, kind: type, of: Any, raw: object, place: Place) -> object:
        if not isinstance(raw, list):
            self.complain(place, "must be a list")
            raise Unreadable
        read = [self._read(of, item, (*place, f"[{index}]")) for index, item in enumerate(raw)]
        if MISSING in read:
            raise Unreadable
        return kind(read)

    def _mapping(self, of: Any, raw: object, place: Place) -> dict[str, object]:
        read = {key: self._read(of, value, (*place, key)) for key, value in self._as_table(raw, place).items()}
        if MISSING in read.values():
            raise Unreadable
        return read

    def _formed(self, kind: type, form: Form, raw: object, place: Place) -> object:
        value = self._plain(kind, raw, place)
        fault = FORMS[form](value) if value else ""
        if fault:
            self.complain(place, fault)
            raise Unreadable
        return value


def _url(value: Any) -> str:
    return "" if URL.fullmatch(value) else "must be an address that begins with https:// or with a {variable}"


def _pointer(value: Any) -> str:
    return "" if POINTER.fullmatch(value) else 'must be a JSON pointer such as "/data/id"'


def _pointers(value: Any) -> str:
    return "" if POINTERS.fullmatch(value) else 'must be a JSON pointer such as "/data/id", or several with | between'


def _part(value: Any) -> str:
    return "" if PART.fullmatch(value) else "must be header:<name> or body:<JSON pointer>"


def _pattern(value: Any) -> str:
    try:
        re.compile(value)
    except re.error as error:
        return f"is not a regular expression ({error.msg})"
    return ""


def _seconds(value: Any) -> str:
    return "" if value > 0 else "must be a number of seconds, 0 for none"


FORMS = {
    Form.URL: _url,
    Form.POINTER: _pointer,
    Form.POINTERS: _pointers,
    Form.PATTERN: _pattern,
    Form.SECONDS: _seconds,
    Form.PART: _part,
}


@cache
def _declared(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


@cache
def _required(kind: Any) -> frozenset[str]:
    return frozenset(one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING)


def _without_none(kind: Any) -> Any:
    return next(option for option in get_args(kind) if option is not NoneType)
