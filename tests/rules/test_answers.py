import time
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.answers import Answer
from portal.rules.verdicts import Phase


def an_answer(status: int | None = 400, body: object = "", **headers: str) -> Answer:
    return Answer(Phase.API, status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_headers_are_found_in_any_case_and_trimmed() -> None:
    answer = an_answer(RETRY_after=" 30 ")
    assert answer.header("Retry-After") == answer.header("retry-after") == "30"
    assert answer.header("date") == ""


@pytest.mark.parametrize(
    ("status", "success"),
    [(None, False), (199, False), (200, True), (204, True), (299, True), (300, False), (400, False)],
)
def test_success_is_a_status_of_two_hundred_and_some(status: int | None, success: bool) -> None:
    assert an_answer(status).is_success is success


@pytest.mark.parametrize(
    ("body", "document"),
    [
        ({"a": 1}, {"a": 1}),
        ([1], [1]),
        (None, None),
        ('{"a": 1}', {"a": 1}),
        ('\ufeff {"a": 1}\n', {"a": 1}),
        (b'{"a": "\xc3\xa4"}', {"a": "ä"}),
        (b"\xff{}", None),
        ("false", False),
        ("error=odd&error_description=It+is+old.", {"error": "odd", "error_description": "It is old."}),
        ("access_token=&scope=", {"access_token": "", "scope": ""}),
        ("a=b c", None),
        ("Retry later", None),
        ("<html>", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)  # fmt: skip
def test_a_body_is_read_as_json_or_as_a_form(body: object, document: object) -> None:
    assert an_answer(body=body).document == document


@pytest.mark.parametrize(
    ("body", "text"), [("x", "x"), (b"x\xff", "x\ufffd"), ({"ä": 1}, '{"ä": 1}'), (["x"], '["x"]')]
)
def test_a_body_has_a_text_whatever_it_is(body: object, text: str) -> None:
    assert an_answer(body=body).text == text


@pytest.mark.parametrize(
    ("body", "content_type", "is_html"),
    [
        ("<html>", "", True),
        ("\n <!doctype html>", "application/json", True),
        (b"<html>", "", True),
        ("maintenance", "Text/HTML; charset=utf-8", True),
        ("maintenance", "text/plain", False),
        ('{"a": "<b>"}', "application/json", False),
        ({"a": 1}, "text/html", False),
        ('{"a": 1}', "text/html", False),
        ("error=odd", "text/html", False),
        ('{"a": 1', "text/html", True),
        ("", "", False),
    ],
)
def test_a_page_is_told_from_data(body: object, content_type: str, is_html: bool) -> None:
    assert an_answer(body=body, Content_Type=content_type).is_html is is_html


DOCUMENT = {"error": {"code": 190, "a/b": 1, "m~n": 2, "": 3}, "errors": [{"code": "X"}, {"code": "Y"}, "Z"], "n": None}


@pytest.mark.parametrize(
    ("pointer", "values"),
    [
        ("", [DOCUMENT]),
        ("/error/code", [190]),
        ("/error/a~1b", [1]),
        ("/error/m~0n", [2]),
        ("/error/", [3]),
        ("/errors/0/code", ["X"]),
        ("/errors/2", ["Z"]),
        ("/errors/3", []),
        ("/errors/-1", []),
        ("/errors/x", []),
        ("/errors/*/code", ["X", "Y"]),
        ("/error/*", [190, 1, 2, 3]),
        ("/n", [None]),
        ("/n/x", []),
        ("/missing", []),
        ("/error/code/deeper", []),
    ],
)
def test_values_are_found_by_json_pointer(pointer: str, values: list[object]) -> None:
    assert list(an_answer(body=DOCUMENT).values_at(pointer)) == values


@pytest.mark.parametrize(
    ("pointers", "values"),
    [
        ("/error/code|/errors/*/code", [190, "X", "Y"]),
        ("/missing|/errors/1/code", ["Y"]),
        ("/n|/missing", []),
    ],
)
def test_several_pointers_may_lead_to_what_is_said(pointers: str, values: list[object]) -> None:
    answer = an_answer(body=DOCUMENT)
    assert answer.found_at(pointers) == answer.found_at(pointers) == values


def test_an_array_may_be_the_whole_body() -> None:
    body = '[{"errorCode": "INVALID_SESSION_ID"}]'
    assert list(an_answer(body=body).values_at("/*/errorCode")) == ["INVALID_SESSION_ID"]


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        ('Bearer error="invalid_token", error_description="The \\"old\\" one, expired"',
         {"error": "invalid_token", "error_description": 'The \\"old\\" one, expired'}),
        ("bearer ERROR=invalid_token", {"error": "invalid_token"}),
        ('Basic realm="x", Bearer realm="y", error="odd"', {"realm": "y", "error": "odd"}),
        ('DPoP error="use_dpop_nonce"', {"error": "use_dpop_nonce"}),
        ('Basic realm="bearer error=x"', {}),
        ("Bearer", {}),
        ("", {}),
    ],
)  # fmt: skip
def test_a_bearer_challenge_is_taken_apart(header: str, challenge: dict[str, str]) -> None:
    assert an_answer(401, WWW_Authenticate=header).challenge == challenge


CHALLENGE = 'Bearer error="Invalid_Token", error_description="Too Old"'


@pytest.mark.parametrize(
    ("body", "word", "description"),
    [
        ({"error": " Invalid_Grant ", "error_description": "Gone"}, "invalid_grant", "gone"),
        ({"error": {"code": "TooMany", "message": "Slow Down"}}, "toomany", "slow down"),
        ({"error": {"code": 190, "message": "Expired"}}, "invalid_token", "expired"),
        ({"error": {"code": "190"}, "message": "Gone"}, "invalid_token", "gone"),
        ({"error": ""}, "invalid_token", "too old"),
        ({"error": True, "error_description": ["x"]}, "invalid_token", "too old"),
        ([{"error": "x"}], "invalid_token", "too old"),
        ("", "invalid_token", "too old"),
    ],
)
def test_the_error_word_comes_from_the_body_or_else_from_the_challenge(
    body: object, word: str, description: str
) -> None:
    answer = an_answer(401, body, WWW_Authenticate=CHALLENGE)
    assert (answer.word, answer.description) == (word, description)


def test_a_number_is_a_word_where_there_is_no_other() -> None:
    assert an_answer(body={"error": {"code": "190"}}).word == "190"


def test_an_answer_may_have_no_word() -> None:
    assert (an_answer().word, an_answer().description) == ("", "")


DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "99999999"}, 366 * 86_400),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "9" * 50}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 10:02:00 GMT", "Date": DATE}, 120),
        ({"Retry-After": "Fri, 20 Nov 2026 09:00:00 GMT", "Date": DATE}, 0),
        ({"Retry-After": "Fri, 20 Nov 2026 10:02:00 GMT"}, None),
        ({"Retry-After": "Fri, 20 Nov 2026 10:02:00 GMT", "Date": "yesterday"}, None),
        ({"Retry-After": "Fri, 32 Nov 2026 10:02:00 GMT", "Date": DATE}, None),
        ({"X-RateLimit-Reset": "1795169999", "Date": DATE}, 1795169999 - 1795168800),
        ({"X-Rate-Limit-Reset": "1795169999", "Date": DATE}, 1795169999 - 1795168800),
        ({"X-RateLimit-Reset": "1795169999"}, None),
        ({"X-RateLimit-Reset": "45"}, 45),
        ({"RateLimit-Reset": "45"}, 45),
        ({"X-RateLimit-Reset": "2026-11-20T10:20:00+00:00", "Date": DATE}, 1200),
        ({"X-RateLimit-Reset": "2026-11-20T10:20:00", "Date": DATE}, 1200),
        ({"X-RateLimit-Reset": "999999999", "Date": DATE}, None),
        ({"X-RateLimit-Reset": "1000000000", "Date": DATE}, 0),
        ({"Retry-After": "5", "X-RateLimit-Reset": "45"}, 5),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "45"}, 45),
    ],
)
def test_what_the_provider_asks_us_to_wait_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    wait = None if seconds is None else timedelta(seconds=seconds)
    assert Answer(Phase.TOKEN, 429, headers).retry_after == wait


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=60) | st.binary(max_size=60))
def test_no_answer_is_too_odd_to_be_read(wait: str, date: str, body: str | bytes) -> None:
    answer = Answer(Phase.TOKEN, 400, {"Retry-After": wait, "Date": date, "WWW-Authenticate": f"Bearer {date}"}, body)
    assert answer.retry_after is None or answer.retry_after >= timedelta(0)
    assert isinstance(answer.word + answer.description + answer.text, str)
    assert answer.is_html in {True, False}


@pytest.mark.parametrize("header", ["bearer " + "a" * 40_000, "bearer " + 'a="' * 13_000, "bearer " + "a =\t" * 10_000])
def test_a_challenge_written_to_be_slow_is_read_at_once(header: str):
    began = time.thread_time()
    assert isinstance(Answer(Phase.API, 401, {"WWW-Authenticate": header}).challenge, dict)
    assert time.thread_time() - began < 0.5
