import pytest

from portal.rules.answers import Answer
from portal.rules.fault_rules import Condition, FaultRule
from portal.rules.verdicts import Fault, Phase

BODY = {
    "error": {"code": 190, "name": "Quota Exceeded", "ok": False, "zero": 0, "tags": ["A", 7]},
    "errors": [{"code": "X1"}, {"code": "Y2"}],
    "null": None,
    "error_description": "The Token has gone",
}
ANSWER = Answer(Phase.API, 403, {"X-Left": "0", "Empty": ""}, BODY)


@pytest.mark.parametrize(
    ("at", "op", "value", "met"),
    [
        ("status", "eq", 403, True),
        ("status", "eq", "403", True),
        ("status", "eq", 404, False),
        ("status", "ne", 403, False),
        ("status", "ne", 404, True),
        ("status", "in", [400, 403], True),
        ("status", "in", (400, 401), False),
        ("status", "not_in", [400, 401], True),
        ("status", "not_in", [400, 403], False),
        ("status", "between", [400, 402], False),
        ("status", "between", [400, 403], True),
        ("status", "between", [403, 499], True),
        ("status", "between", [404, 499], False),
        ("header:x-left", "eq", "0", True),
        ("header:X-Left", "eq", 0, True),
        ("header:missing", "eq", "", False),
        ("header:missing", "ne", "0", True),
        ("header:missing", "exists", False, True),
        ("header:empty", "exists", True, False),
        ("header:x-left", "exists", True, True),
        ("body:/error/code", "eq", 190, True),
        ("body:/error/code", "eq", "190", True),
        ("body:/error/code", "between", [189.5, 190], True),
        ("body:/error/name", "between", [0, 999], False),
        ("body:/error/ok", "between", [0, 1], False),
        ("body:/error/name", "eq", "quota exceeded ", True),
        ("body:/error/name", "contains", "QUOTA", True),
        ("body:/error/name", "contains", "rate", False),
        ("body:/error/name", "starts_with", "quota", True),
        ("body:/error/name", "starts_with", "exceeded", False),
        ("body:/error/name", "matches", r"^quota\b", True),
        ("body:/error/name", "matches", r"^exceeded", False),
        ("body:/error/tags", "contains", "a", True),
        ("body:/error/tags", "contains", "7", True),
        ("body:/error/tags", "contains", "8", False),
        ("body:/error/ok", "eq", False, True),
        ("body:/error/ok", "eq", True, False),
        ("body:/error/ok", "eq", 0, False),
        ("body:/error/ok", "eq", "False", False),
        ("body:/error/zero", "eq", False, False),
        ("body:/error/ok", "in", [0, False], True),
        ("body:/errors/*/code", "eq", "y2", True),
        ("body:/errors/*/code", "ne", "Y2", False),
        ("body:/errors/*/code", "not_in", ["Z3"], True),
        ("body:/errors/*/code", "starts_with", "Z", False),
        ("body:/error/missing", "eq", None, False),
        ("body:/error/missing", "ne", "x", True),
        ("body:/error/missing", "not_in", ["x"], True),
        ("body:/error/missing", "exists", False, True),
        ("body:/error/zero", "exists", True, True),
        ("body:/null", "exists", True, False),
        ("body:/null", "eq", "None", False),
        ("body:/null", "ne", "None", True),
        ("body:", "exists", True, True),
        ("text", "contains", "quota exceeded", True),
        ("text", "contains", "nothing like it", False),
        ("word", "exists", False, True),
        ("description", "starts_with", "the token", True),
        ("body:/missing|/error/code", "eq", "190", True),
        ("body:/error/code|/errors/*/code", "in", ["y2"], True),
        ("body:/error/code|/errors/*/code", "not_in", ["y2"], False),
        ("body:/missing|/null", "exists", False, True),
    ],
)  # fmt: skip
def test_a_condition_asks_one_thing_of_one_part(at: str, op: str, value: object, met: bool) -> None:
    assert Condition(at, op, value).is_met_by(ANSWER) is met


def test_the_error_word_can_be_asked_for_by_name() -> None:
    answer = Answer(Phase.TOKEN, 400, body={"error": "Invalid_Grant"})
    assert Condition("word", "in", ["invalid_grant"]).is_met_by(answer)


@pytest.mark.parametrize(
    ("at", "op", "value", "about"),
    [
        ("", "eq", 1, "at ="),
        ("body", "eq", 1, "at ="),
        ("body:error", "eq", 1, "at ="),
        ("body:/error|code", "eq", 1, "at ="),
        ("status|word", "eq", 1, "at ="),
        ("header:", "eq", 1, "at ="),
        ("statuses", "eq", 1, "at ="),
        ("status", "equals", 1, "op ="),
        ("status", "", 1, "op ="),
        ("status", "in", 403, "needs a list"),
        ("status", "in", "403", "needs a list"),
        ("status", "not_in", 403, "needs a list"),
        ("text", "exists", "yes", "true or false"),
        ("status", "between", [1], "two numbers"),
        ("status", "between", [1, 2, 3], "two numbers"),
        ("status", "between", ["1", "2"], "two numbers"),
        ("status", "between", [1, "2"], "two numbers"),
        ("status", "between", [False, True], "two numbers"),
        ("status", "between", 3, "two numbers"),
        ("text", "contains", 3, "needs a text"),
        ("text", "starts_with", None, "needs a text"),
        ("text", "matches", ["x"], "needs a text"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(at: str, op: str, value: object, about: str) -> None:
    with pytest.raises(ValueError, match=about):
        Condition(at, op, value)


def test_a_wrong_regular_expression_is_refused_when_it_is_read() -> None:
    with pytest.raises(ValueError, match=r"no regular expression: .*unterminated"):
        Condition("text", "matches", "(")


FORBIDDEN = Condition("status", "eq", 403)
NOT_FOUND = Condition("status", "eq", 404)


@pytest.mark.parametrize(
    ("when", "phases", "applies"),
    [
        ((FORBIDDEN,), (), True),
        ((FORBIDDEN, FORBIDDEN), (), True),
        ((FORBIDDEN, NOT_FOUND), (), False),
        ((FORBIDDEN,), (Phase.API, Phase.USERINFO), True),
        ((FORBIDDEN,), (Phase.TOKEN,), False),
    ],
)
def test_a_rule_applies_when_all_its_conditions_are_met_in_its_phase(
    when: tuple[Condition, ...], phases: tuple[Phase, ...], applies: bool
) -> None:
    assert FaultRule(Fault.NOT_AUTH, when, frozenset(phases)).applies_to(ANSWER) is applies


@pytest.mark.parametrize("status", [408, 421, 425, 500, 503, 599])
def test_a_rule_judges_a_server_in_trouble_only_when_told_to(status: int) -> None:
    sick, when = Answer(Phase.API, status, body=BODY), (Condition("body:/error/code", "eq", 190),)
    assert not FaultRule(Fault.REVOKED, when).applies_to(sick)
    assert FaultRule(Fault.REVOKED, when, judges_sick_servers=True).applies_to(sick)
    assert FaultRule(Fault.REVOKED, when).applies_to(Answer(Phase.API, 499, body=BODY))


def test_a_rule_without_conditions_is_refused() -> None:
    with pytest.raises(ValueError, match="every answer"):
        FaultRule(Fault.REVOKED, ())
