"""A provider's own way of failing as data: the `[[errors]]` of its file in the catalog."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from portal.rules.answers import Answer
from portal.rules.once import once
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
        fits, is_wanted = self._fits, self.op not in _NEGATIVE
        for part in found:  # a loop, not any(): every answer of every provider comes through here
            if fits(part):
                return is_wanted
        return not is_wanted

    @once
    def _parts(self) -> Callable[[Answer], Sequence[object]]:
        """Finds the part of an answer that is meant; of a body every value that is there."""
        kind, _, name = self.at.partition(":")
        if kind == "body":
            return lambda answer: answer.found_at(name)
        if kind == "header":
            return lambda answer: _unless_empty(answer.header(name))
        return lambda answer: _unless_empty(getattr(answer, kind))

    @once
    def _fits(self) -> Callable[[object], bool]:
        """Compares one value with the wanted one, prepared once as far as that can be done."""
        if self.op in {"eq", "ne", "in", "not_in"}:
            wanted = self.value if isinstance(self.value, list | tuple) and "in" in self.op else [self.value]
            names = frozenset(_name(each) for each in wanted)
            return lambda part: _name(part) in names
        if self.op == "matches":
            pattern = re.compile(str(self.value), re.IGNORECASE)
            return lambda part: pattern.search(str(part)) is not None
        return partial(_COMPARISONS[self.op], self.value)


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
        if self._phases and answer.phase not in self._phases:
            return False
        for condition in self.when:  # noqa: SIM110 - all() takes twice as long, and everything comes through here
            if not condition.is_met_by(answer):
                return False
        return True

    @once
    def _phases(self) -> tuple[Phase, ...]:
        """The phases in a form that is searched without hashing them, which is slow for words of an enum."""
        return tuple(self.phases)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as flaw:
        raise ValueError(f"{pattern!r} is no regular expression: {flaw}") from None


def _unless_empty(part: object) -> tuple[object, ...]:
    return () if part is None or part == "" else (part,)


def _name(value: object) -> object:
    """What is compared: the text in one case, so that 190 is "190"; a truth value equals a truth value alone."""
    return value if isinstance(value, bool) else str(value).strip().casefold()


def _contains(value: object, part: object) -> bool:
    if isinstance(part, list):
        return any(_name(each) == _name(value) for each in part)
    return str(value).casefold() in str(part).casefold()


def _starts_with(value: object, part: object) -> bool:
    return str(part).strip().casefold().startswith(str(value).casefold())


def _is_between(value: object, part: object) -> bool:
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
    "contains": _contains,
    "starts_with": _starts_with,
    "between": _is_between,
}
_POSITIVE = frozenset({"eq", "in", "matches", *_COMPARISONS})
_NEGATIVE = frozenset({"ne", "not_in"})
