import inspect
from datetime import timedelta

import pytest

from portal.rules import problems
from portal.rules.problem import Problem
from tests.rules.strategies import NOON

ALL = tuple(
    kind
    for _, kind in inspect.getmembers(problems, inspect.isclass)
    if issubclass(kind, Problem) and kind is not Problem
)

STATUS = {
    "NotFound": 404, "Forbidden": 403, "SignInRequired": 401, "InvalidRequest": 400, "Conflict": 409,
    "RateLimited": 429, "ReconsentRequired": 409, "ProviderUnavailable": 503, "ProviderRefused": 502,
    "ProviderNotConfigured": 409, "ConsentAttemptInvalid": 400, "ConsentAttemptExpired": 410, "ConsentDenied": 403,
    "IdentityUnverified": 400, "PendingGrantGone": 410, "ConfigurationInvalid": 500,
    "ImportRefused": 422, "DatabaseNewer": 500,
}  # fmt: skip


@pytest.mark.parametrize("name", STATUS)
def test_each_problem_has_its_status_and_is_coded_by_its_name(name: str) -> None:
    kind = getattr(problems, name)
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    assert (kind.status, kind.code) == (STATUS[name], words)


@pytest.mark.parametrize("kind", ALL)
def test_each_problem_says_what_happened_and_what_to_do(kind: type[Problem]) -> None:
    assert kind.title.endswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    assert kind.advice.endswith(".")
    assert kind.title != Problem.title


def test_codes_are_told_apart() -> None:
    assert len({kind.code for kind in ALL}) == len(ALL) >= len(STATUS)


def test_the_title_is_the_first_sentence_and_the_advice_the_rest_of_the_paragraph() -> None:
    class Sample(Problem):
        """One thing
        happened! Do this. And that.

        Not for people.
        """

    assert (Sample.title, Sample.advice) == ("One thing happened!", "Do this. And that.")


def test_a_problem_without_words_of_its_own_speaks_as_its_parent() -> None:
    class Silent(problems.NotFound):
        pass

    assert (Silent.title, Silent.code) == (problems.NotFound.title, "not_found")


def test_a_problem_prints_its_title_and_what_is_special_about_it() -> None:
    assert str(problems.NotFound()) == "There is nothing here"
    assert str(problems.NotFound("No connection of that id.")) == "There is nothing here: No connection of that id."


def test_extra_fields_are_copied() -> None:
    fields: dict[str, object] = {"a": 1}
    problem = problems.Conflict(fields=fields)
    fields["a"] = 2
    assert problem.fields == {"a": 1}
    assert problems.Conflict("Changed.").fields == {}


def test_an_invalid_request_names_each_wrong_field() -> None:
    problem = problems.InvalidRequest({"nickname": "Enter a name."}, "One field is wrong.")
    assert problem.errors == {"nickname": "Enter a name."}
    assert problem.fields == {"errors": {"nickname": "Enter a name."}}
    assert problem.detail == "One field is wrong."


@pytest.mark.parametrize("kind", [problems.RateLimited, problems.ProviderUnavailable])
def test_problems_that_pass_say_when_to_come_back(
    kind: type[problems.RateLimited] | type[problems.ProviderUnavailable],
) -> None:
    problem = kind(timedelta(milliseconds=1500), "Later.")
    assert problem.retry_after == timedelta(milliseconds=1500)
    assert problem.fields == {"retry_after_s": 2}
    assert problem.detail == "Later."


def test_a_needed_reconsent_says_why_and_since_when() -> None:
    problem = problems.ReconsentRequired("revoked", NOON)
    assert (problem.reason, problem.since) == ("revoked", NOON)
    assert problem.fields == {"reason": "revoked", "since": "2026-11-20T12:00:00Z"}


def test_an_unverified_identity_gives_the_plain_reason() -> None:
    problem = problems.IdentityUnverified("it was meant for somebody else")
    assert problem.reason == "it was meant for somebody else"
    assert problem.detail == "The provider's statement was refused: it was meant for somebody else."
    assert problem.fields == {"reason": "it was meant for somebody else"}


def test_a_wrong_configuration_lists_every_problem() -> None:
    problem = problems.ConfigurationInvalid(("PORTAL_SECRET_KEY is missing", "PORTAL_REDIS_URL is missing"))
    assert problem.problems == ("PORTAL_SECRET_KEY is missing", "PORTAL_REDIS_URL is missing")
    assert problem.detail == "PORTAL_SECRET_KEY is missing; PORTAL_REDIS_URL is missing"
    assert problem.fields == {"problems": ["PORTAL_SECRET_KEY is missing", "PORTAL_REDIS_URL is missing"]}


def test_a_refused_import_names_each_line() -> None:
    problem = problems.ImportRefused(((2, "email: missing"), (7, "role: unknown")))
    assert problem.lines == ((2, "email: missing"), (7, "role: unknown"))
    assert problem.detail == "2 to correct"
    assert problem.fields == {
        "lines": [{"line": 2, "message": "email: missing"}, {"line": 7, "message": "role: unknown"}]
    }


def test_a_problem_of_no_special_kind_is_a_wrong_request() -> None:
    problem = Problem()
    assert (problem.code, problem.status) == ("problem", 400)
    assert (problem.title, problem.advice) == ("Something did not work", "Nothing was changed; please try again.")


def test_a_problem_may_be_a_sentence_alone() -> None:
    class Short(Problem):
        """It is over."""

    assert (Short.title, Short.advice) == ("It is over", "")
