"""A provider's own way of failing as data: the `[[errors]]` of its file in the catalog."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from portal.rules.answers import Answer
from portal.rules.once import once
from portal.rules.verdicts import Fault, FaultAction, Phase

_PART = re.compile(r"status|word|description|text|header:[\w-]+|body:(/[^|]*(\|/[^|]*)*)?")


@dataclass(frozen=True)
class Condition:
    """One condition of a rule: `at` names a part of the answer, `op` how it is compared with `value`.

    `at`: `status`, `word` (the error word), `description` (what is said about it), `text` (the whole body),
    `header:<name>` or `body:<JSON pointer>`, in which a segment `*` stands for every member; several pointers have `|`
    between them. Texts are compared without regard to case, and a number equals its text (providers send 190 and
    "190"). Where several values are found one is enough, for `ne` and `not_in` all count. A part that is missing or
    null meets `ne`, `not_in` and `exists = false` alone. Raises ValueError for nonsense.
    """

    at: str
    op: str
    value: object = None

    def __post_init__(self) -> None:
        if not _PART.fullmatch(self.at):
            names = "status, word, description, text, header:<name>, body:<pointer>"
            raise ValueError(f"at = {self.at!r} is none of {names}")
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

    @once
    def is_met_by(self) -> Callable[[Answer], bool]:
        """Whether an answer meets the condition: put together once, for every answer of every provider comes here."""
        find = self._names if self.op in _BY_NAME else self._parts
        if self.op == "exists":
            return lambda answer: bool(find(answer)) is self.value
        fits, is_wanted = self._fits, self.op not in _NEGATIVE

        def is_met(answer: Answer) -> bool:
            for part in find(answer):  # a loop, for any() takes longer
                if fits(part):
                    return is_wanted
            return not is_wanted

        return is_met

    @property
    def _parts(self) -> Callable[[Answer], Sequence[object]]:
        """Finds the part of an answer that is meant; of a body every value that is there."""
        kind, _, name = self.at.partition(":")
        if kind == "body":
            return lambda answer: answer.found_at(name)
        if kind == "header":
            return lambda answer: _unless_empty(answer.header(name))
        return lambda answer: _unless_empty(getattr(answer, kind))

    @property
    def _names(self) -> Callable[[Answer], Sequence[object]]:
        """The parts as they are compared, remembered: many rules of a provider look at the same one."""
        at, find = self.at, self._parts

        def names(answer: Answer) -> Sequence[object]:
            known = answer.remembered.get(at)
            if known is None:
                known = answer.remembered[at] = [_name(part) for part in find(answer)]
            return known

        return names

    @property
    def _fits(self) -> Callable[[object], bool]:
        """Compares one value with the wanted one, prepared once as far as that can be done."""
        if self.op in _BY_NAME:
            wanted = self.value if isinstance(self.value, list | tuple) and "in" in self.op else [self.value]
            return frozenset(_name(each) for each in wanted).__contains__
        if self.op == "matches":
            pattern = re.compile(str(self.value), re.IGNORECASE)
            return lambda part: pattern.search(str(part)) is not None
        return partial(_COMPARISONS[self.op], self.value)


@dataclass(frozen=True)
class FaultRule:
    """A rule of one provider: all conditions met in one of the phases (none named: in any) make this the fault.

    A server in trouble says all kinds of things, so a rule judges no 5xx and no time-out unless `judges_sick_servers`.
    """

    result: Fault
    when: tuple[Condition, ...]
    phases: frozenset[Phase] = frozenset()
    action: FaultAction | None = None
    reason: str = ""
    judges_sick_servers: bool = False

    def __post_init__(self) -> None:
        if not self.when:
            raise ValueError("a rule without conditions would judge every answer")

    @once
    def applies_to(self) -> Callable[[Answer], bool]:
        """Whether the rule judges an answer."""
        phases = tuple(self.phases or Phase)  # searched without hashing, which is slow for words of an enum
        first, *others = (condition.is_met_by for condition in self.when)
        is_for_all = self.judges_sick_servers

        def applies(answer: Answer) -> bool:
            if answer.phase not in phases or not first(answer):
                return False
            for is_met in others:  # a loop, for all() takes twice as long
                if not is_met(answer):
                    return False
            return is_for_all or not answer.is_of_a_sick_server

        return applies


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
_BY_NAME = frozenset({"eq", "in", *_NEGATIVE})
