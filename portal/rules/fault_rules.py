"""A provider's own way of failing as data: the `[[errors]]` of its file in the catalog."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from portal.rules.answers import Answer
from portal.rules.verdicts import Fault, FaultAction, Phase


@dataclass(frozen=True)
class Condition:
    """One condition of a rule: `at` names a part of the answer, `op` how it is compared with `value`.

    `at`: `status`, `word` (the error word), `text` (the whole body), `header:<name>` or `body:<JSON pointer>`, in which
    a segment `*` stands for every member. Texts are compared without regard to case, and a number equals its text
    (providers send 190 and "190"). Where several values are found one is enough, for `ne` and `not_in` all count. A
    part that is missing or null meets `ne`, `not_in` and `exists = false` alone. Raises ValueError for nonsense.
    """

    at: str
    op: str
    value: object = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"status|word|text|header:[\w-]+|body:(/.*)?", self.at):
            raise ValueError(f"at = {self.at!r} is none of status, word, text, header:<name>, body:<pointer>")
        if self.op not in _POSITIVE | _NEGATIVE | {"exists"}:
            raise ValueError(f"op = {self.op!r} is none of {', '.join(sorted(_POSITIVE | _NEGATIVE | {'exists'}))}")
        self._check_value()

    def _check_value(self) -> None:
        if self.op in {"in", "not_in"} and not isinstance(self.value, list | tuple):
            raise ValueError(f"op = {self.op!r} needs a list")
        if self.op == "exists" and not isinstance(self.value, bool):
            raise ValueError("op = 'exists' needs true or false")
        if self.op == "between" and not _is_range(self.value):
            raise ValueError("op = 'between' needs a list of two numbers")
        if self.op in {"contains", "starts_with", "matches"} and not isinstance(self.value, str):
            raise ValueError(f"op = {self.op!r} needs a text")
        if self.op == "matches":
            _check_pattern(str(self.value))

    def is_met_by(self, answer: Answer) -> bool:
        """Whether the answer meets the condition."""
        found = self._parts(answer)
        if self.op == "exists":
            return bool(found) is self.value
        if self.op in _NEGATIVE:
            return not any(self._compare(part, self.value) for part in found)
        return any(self._compare(part, self.value) for part in found)

    def _parts(self, answer: Answer) -> list[object]:
        kind, _, name = self.at.partition(":")
        if kind == "body":
            return [value for value in answer.values_at(name) if value is not None]
        part: object = answer.header(name) if kind == "header" else getattr(answer, kind)
        return [] if part in {None, ""} else [part]

    @cached_property
    def _compare(self) -> Callable[[object, object], bool]:
        return _COMPARISONS[{"ne": "eq", "not_in": "in"}.get(self.op, self.op)]


@dataclass(frozen=True)
class FaultRule:
    """A rule of one provider: all conditions met in one of the phases (none named: in any) make this the fault."""

    result: Fault
    when: tuple[Condition, ...]
    phases: frozenset[Phase] = frozenset()
    action: FaultAction | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.when:
            raise ValueError("a rule without conditions would judge every answer")

    def applies_to(self, answer: Answer) -> bool:
        """Whether the rule judges this answer."""
        if self.phases and answer.phase not in self.phases:
            return False
        return all(condition.is_met_by(answer) for condition in self.when)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as flaw:
        raise ValueError(f"{pattern!r} is no regular expression: {flaw}") from None


def _equals(part: object, value: object) -> bool:
    """Whether the texts are the same in one case; a truth value equals a truth value alone, never a text or number."""
    same_text = str(part).strip().casefold() == str(value).strip().casefold()
    return same_text and isinstance(part, bool) is isinstance(value, bool)


def _is_in(part: object, value: object) -> bool:
    return isinstance(value, list | tuple) and any(_equals(part, each) for each in value)


def _contains(part: object, value: object) -> bool:
    if isinstance(part, list):
        return any(_equals(each, value) for each in part)
    return str(value).casefold() in str(part).casefold()


def _starts_with(part: object, value: object) -> bool:
    return str(part).strip().casefold().startswith(str(value).casefold())


def _matches(part: object, value: object) -> bool:
    return re.search(str(value), str(part), re.IGNORECASE) is not None


def _is_between(part: object, value: object) -> bool:
    number = _number(part)
    return number is not None and isinstance(value, list | tuple) and value[0] <= number <= value[1]


def _is_range(value: object) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)


def _number(part: object) -> float | None:
    if isinstance(part, bool):
        return None
    try:
        return float(str(part))
    except ValueError:
        return None


_COMPARISONS: dict[str, Callable[[object, object], bool]] = {
    "eq": _equals,
    "in": _is_in,
    "contains": _contains,
    "starts_with": _starts_with,
    "matches": _matches,
    "between": _is_between,
}
_POSITIVE = frozenset(_COMPARISONS)
_NEGATIVE = frozenset({"ne", "not_in"})
