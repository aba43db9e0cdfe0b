import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.faults import Answer, Condition, Fault, FaultAction, FaultRule, Phase, Verdict, classify, usual_action

SAMPLES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("generic_answers.json").read_text())
EXPIRED, REVOKED, TRANSIENT, LIMITED = Fault.EXPIRED, Fault.REVOKED, Fault.TRANSIENT, Fault.RATE_LIMITED
SCOPE, APP, OTHER, OK = Fault.SCOPE_MISSING, Fault.APP_CONFIG, Fault.NOT_AUTH, Fault.OK
MAILS_A_MEMBER = {FaultAction.RECONSENT, FaultAction.ADD_SCOPE}


def at_token(status: int | None, body: object = "", *, phase: Phase = Phase.TOKEN, **headers: str) -> Verdict:
    return classify(Answer(phase, status, {name.replace("_", "-"): value for name, value in headers.items()}, body))


def at_api(status: int | None, body: object = "", **headers: str) -> Verdict:
    return at_token(status, body, phase=Phase.API, **headers)


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample["id"] for sample in SAMPLES])
def test_every_sample_of_a_standard_provider_gets_its_verdict(sample: dict[str, Any]) -> None:
    verdict = classify(Answer(Phase(sample["phase"]), sample["status"], sample["headers"], sample["body"]))
    assert (verdict.fault, verdict.action) == (sample["expected"], sample["action"])


@pytest.mark.parametrize("phase", Phase)
def test_no_response_and_trouble_of_the_server_are_transient(phase: Phase) -> None:
    for status in (None, 408, 421, 425, 500, 502, 503, 504, 599):
        assert at_token(status, {"error": "invalid_grant"}, phase=phase).fault is TRANSIENT
    assert at_token(None, phase=phase).reason == "no response"


@pytest.mark.parametrize("phase", Phase)
def test_too_many_requests_is_a_limit_whatever_the_words(phase: Phase) -> None:
    verdict = at_token(429, {"error": "invalid_grant"}, phase=phase, Retry_After="30")
    assert verdict == Verdict(LIMITED, FaultAction.BACKOFF, "invalid_grant (HTTP 429)", timedelta(seconds=30))


@pytest.mark.parametrize(
    ("word", "fault", "action"),
    [
        ("invalid_grant", REVOKED, FaultAction.RECONSENT),
        ("INVALID_GRANT", REVOKED, FaultAction.RECONSENT),
        ("invalid_client", APP, FaultAction.FIX_APP),
        ("unauthorized_client", APP, FaultAction.FIX_APP),
        ("unsupported_grant_type", APP, FaultAction.FIX_APP),
        ("invalid_request", APP, FaultAction.FIX_APP),
        ("invalid_target", APP, FaultAction.FIX_APP),
        ("invalid_dpop_proof", APP, FaultAction.FIX_APP),
        ("invalid_scope", SCOPE, FaultAction.ADD_SCOPE),
        ("insufficient_scope", SCOPE, FaultAction.ADD_SCOPE),
        ("consent_required", SCOPE, FaultAction.ADD_SCOPE),
        ("interaction_required", EXPIRED, FaultAction.RECONSENT),
        ("login_required", EXPIRED, FaultAction.RECONSENT),
        ("account_selection_required", EXPIRED, FaultAction.RECONSENT),
        ("unmet_authentication_requirements", EXPIRED, FaultAction.RECONSENT),
        ("server_error", TRANSIENT, FaultAction.RETRY),
        ("temporarily_unavailable", TRANSIENT, FaultAction.RETRY),
        ("slow_down", LIMITED, FaultAction.BACKOFF),
        ("expired_token", EXPIRED, FaultAction.RECONSENT),
        ("invalid_token", REVOKED, FaultAction.RECONSENT),
        ("authorization_pending", TRANSIENT, FaultAction.RETRY),
        ("unsupported_response_type", APP, FaultAction.FIX_APP),
        ("incorrect_client_credentials", APP, FaultAction.FIX_APP),
        ("redirect_uri_mismatch", APP, FaultAction.FIX_APP),
        ("rate_limit_exceeded", LIMITED, FaultAction.BACKOFF),
        ("too_many_requests", LIMITED, FaultAction.BACKOFF),
        ("access_denied", TRANSIENT, FaultAction.RETRY),
        ("never_heard_of_it", TRANSIENT, FaultAction.RETRY),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_the_words_of_the_standards_decide_at_the_token_endpoint(
    word: str, fault: Fault, action: FaultAction, status: int
) -> None:
    verdict = at_token(status, {"error": word})
    assert (verdict.fault, verdict.action) == (fault, action)
    assert verdict.reason == f"{word.lower()} (HTTP {status})"


def test_a_refused_client_is_never_taken_for_a_refusing_person() -> None:
    assert at_token(401, {"error": "access_denied"}).fault is APP
    assert at_token(401, {"error": "invalid_client"}).fault is APP
    assert at_token(401, {"error": "invalid_grant"}).fault is REVOKED


@pytest.mark.parametrize(
    ("description", "fault"),
    [
        ("", REVOKED),
        ("The refresh token expired due to inactivity.", EXPIRED),
        ("Token has expired", EXPIRED),
        ("Session inactive", EXPIRED),
        ("token_expired", EXPIRED),
        ("The refresh token has exceeded its maximum lifetime", EXPIRED),
        ("The refresh token has expired. See https://docs.example/oauth or ask for help", EXPIRED),
        ("The refresh token has expired because the password was changed", REVOKED),
        ("code doesn't exist or has expired", REVOKED),
        ("inactive user", REVOKED),
        ("The user account is inactive", REVOKED),
        ("The refresh token is invalid or expired.", REVOKED),
        ("Invalid: expired", REVOKED),
        ("grant expired because it was revoked", REVOKED),
        ("expired access/refresh token", REVOKED),
        ("unknown or expired", REVOKED),
        ("unexpired", REVOKED),
        ("unknown token", REVOKED),
    ],
)
def test_a_refused_grant_is_expired_only_when_time_is_the_one_reason(description: str, fault: Fault) -> None:
    verdict = at_token(400, {"error": "invalid_grant", "error_description": description})
    assert (verdict.fault, verdict.action) == (fault, FaultAction.RECONSENT)


def test_an_assertion_of_ours_that_is_refused_concerns_no_member() -> None:
    for description in ("", "Assertion expired"):
        verdict = at_token(400, {"error": "invalid_grant", "error_description": description}, phase=Phase.JWT)
        assert (verdict.fault, verdict.action) == (APP, FaultAction.FIX_APP)
    assert at_token(200, {"access_token": "x"}, phase=Phase.JWT).fault is OK


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, {"access_token": "x"}, OK),
        (201, '{"access_token": "x"}', OK),
        (200, {"id_token": "x"}, OK),
        (200, "access_token=x&token_type=bearer", OK),
        (200, {"access_token": ""}, TRANSIENT),
        (200, {"access_token": None}, TRANSIENT),
        (200, {"access_token": ["x"]}, TRANSIENT),
        (200, {}, TRANSIENT),
        (200, [], TRANSIENT),
        (200, "", TRANSIENT),
        (200, "<html>", TRANSIENT),
        (400, "<html>invalid_grant</html>", TRANSIENT),
        (302, "", TRANSIENT),
        (400, "", TRANSIENT),
        (401, "", TRANSIENT),
        (404, {"message": "Not found"}, TRANSIENT),
        (400, {"access_token": "x"}, TRANSIENT),
        (200, {"access_token": "x", "error": "invalid_grant"}, REVOKED),
        (200, {"access_token": "x", "error": "odd"}, TRANSIENT),
    ],
)
def test_only_a_token_is_a_token(status: int, body: object, fault: Fault) -> None:
    assert at_token(status, body).fault is fault


@pytest.mark.parametrize("phase", [Phase.API, Phase.USERINFO])
@pytest.mark.parametrize(
    ("status", "body", "fault", "action"),
    [
        (200, {}, OK, FaultAction.NONE),
        (204, "", OK, FaultAction.NONE),
        (200, {"data": [], "errors": [{"title": "Not Found Error"}]}, OK, FaultAction.NONE),
        (200, {"data": {}, "error": {"code": "ok"}}, OK, FaultAction.NONE),
        (200, {"ok": True}, OK, FaultAction.NONE),
        (200, {"ok": False, "error": "invalid_token"}, EXPIRED, FaultAction.REFRESH),
        (200, {"ok": False, "error": "channel_not_found"}, OTHER, FaultAction.NONE),
        (200, {"ok": 0}, OK, FaultAction.NONE),
        (400, {"error": "invalid_request"}, OTHER, FaultAction.NONE),
        (400, {"error": "invalid_token"}, EXPIRED, FaultAction.REFRESH),
        (401, "", EXPIRED, FaultAction.REFRESH),
        (401, {"error": "invalid_request"}, EXPIRED, FaultAction.REFRESH),
        (200, {"error": "invalid_token"}, EXPIRED, FaultAction.REFRESH),
        (200, {"error": {"code": "insufficient_scope"}}, SCOPE, FaultAction.ADD_SCOPE),
        (200, {"error": "no_such_page"}, OK, FaultAction.NONE),
        (403, {"error": "rate_limit_exceeded"}, LIMITED, FaultAction.BACKOFF),
        (400, {"error": {"code": "TooManyRequests"}}, LIMITED, FaultAction.BACKOFF),
        (401, {"error": "insufficient_scope"}, SCOPE, FaultAction.ADD_SCOPE),
        (401, {"error": "insufficient_user_authentication"}, EXPIRED, FaultAction.RECONSENT),
        (401, {"error": "something_else"}, EXPIRED, FaultAction.REFRESH),
        (403, "", OTHER, FaultAction.NONE),
        (403, {"error": "insufficient_scope"}, SCOPE, FaultAction.ADD_SCOPE),
        (400, {"error": "temporarily_unavailable"}, TRANSIENT, FaultAction.RETRY),
        (400, {"error": "server_error"}, TRANSIENT, FaultAction.RETRY),
        (302, "", OTHER, FaultAction.NONE),
        (404, {"error": "not_found"}, OTHER, FaultAction.NONE),
        (409, {"error": {"code": "conflict"}}, OTHER, FaultAction.NONE),
    ],
)
def test_at_an_api_the_words_decide_and_then_the_status(
    phase: Phase, status: int, body: object, fault: Fault, action: FaultAction
) -> None:
    verdict = at_token(status, body, phase=phase)
    assert (verdict.fault, verdict.action) == (fault, action)


def test_a_challenge_speaks_where_the_body_does_not() -> None:
    verdict = at_api(403, "", WWW_Authenticate='Bearer error="insufficient_scope"')
    assert verdict == Verdict(SCOPE, FaultAction.ADD_SCOPE, "insufficient_scope (HTTP 403)")


def test_a_page_is_no_answer_where_data_was_asked_for() -> None:
    assert at_token(200, "<html>").reason == "a page instead of a token"
    assert at_api(200, "<html>").fault is OK


@pytest.mark.parametrize("body", ["<html>", "false", '{"sub": "1', "OK", False])
def test_userinfo_that_tells_nothing_is_asked_for_again(body: object) -> None:
    verdict = at_token(200, body, phase=Phase.USERINFO)
    assert verdict == Verdict(TRANSIENT, FaultAction.RETRY, "no data where some were due")


@pytest.mark.parametrize(
    "body", ['{"sub": "1"}', '[{"id": "1"}]', "[]", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "e30.a-b.c_d.e.f\n"]
)
def test_userinfo_may_be_signed_or_encrypted_and_accounts_come_in_a_list(body: str) -> None:
    assert at_token(200, body, phase=Phase.USERINFO, Content_Type="application/jwt").fault is OK


@pytest.mark.parametrize(
    ("status", "headers", "fault"),
    [
        (403, {"X_RateLimit_Remaining": "0"}, LIMITED),
        (403, {"X_Rate_Limit_Remaining": " 0 "}, LIMITED),
        (403, {"RateLimit_Remaining": "0"}, LIMITED),
        (403, {"X_RateLimit_Remaining": "1"}, OTHER),
        (403, {"Retry_After": "60"}, LIMITED),
        (403, {}, OTHER),
        (404, {"X_RateLimit_Remaining": "0"}, OTHER),
        (401, {"Retry_After": "60"}, EXPIRED),
        (200, {"X_RateLimit_Remaining": "0"}, OK),
    ],
)
def test_a_refusal_with_an_empty_allowance_is_a_limit(status: int, headers: dict[str, str], fault: Fault) -> None:
    assert at_api(status, {"error": "forbidden"}, **headers).fault is fault


@pytest.mark.parametrize(
    ("status", "body", "fault", "action"),
    [
        (200, {"active": True}, OK, FaultAction.NONE),
        (200, {"active": False}, EXPIRED, FaultAction.REFRESH),
        (200, {"active": "false"}, TRANSIENT, FaultAction.RETRY),
        (200, {}, TRANSIENT, FaultAction.RETRY),
        (200, "<html>", TRANSIENT, FaultAction.RETRY),
        (400, {"active": False}, TRANSIENT, FaultAction.RETRY),
        (401, {"error": "invalid_client"}, APP, FaultAction.FIX_APP),
        (400, {"error": "invalid_client"}, APP, FaultAction.FIX_APP),
        (400, {"error": "invalid_request"}, APP, FaultAction.FIX_APP),
        (401, {"error": "invalid_token"}, APP, FaultAction.FIX_APP),
        (400, {"error": "invalid_token"}, EXPIRED, FaultAction.REFRESH),
        (403, "", APP, FaultAction.FIX_APP),
    ],
)
def test_an_introspection_says_whether_a_token_is_active(
    status: int, body: object, fault: Fault, action: FaultAction
) -> None:
    verdict = at_token(status, body, phase=Phase.INTROSPECT)
    assert (verdict.fault, verdict.action) == (fault, action)


def test_a_limited_introspection_is_a_limit() -> None:
    assert at_token(403, phase=Phase.INTROSPECT, Retry_After="5").fault is LIMITED


GRAPH = (
    FaultRule(REVOKED, (Condition("body:/error/error_subcode", "in", [458, 460]),)),
    FaultRule(
        EXPIRED,
        (Condition("body:/error/code", "in", [102, 190]),),
        action=FaultAction.RECONSENT,
        judges_sick_servers=True,
    ),
    FaultRule(SCOPE, (Condition("body:/error/code", "between", [200, 299]),), frozenset({Phase.API})),
    FaultRule(TRANSIENT, (Condition("body:/error/code", "in", [1, 2]),), reason="a hiccup of Graph"),
)


@pytest.mark.parametrize(
    ("phase", "status", "error", "fault", "action"),
    [
        (Phase.API, 400, {"code": 190, "error_subcode": 458}, REVOKED, FaultAction.RECONSENT),
        (Phase.API, 400, {"code": 190}, EXPIRED, FaultAction.RECONSENT),
        (Phase.API, 403, {"code": 200}, SCOPE, FaultAction.ADD_SCOPE),
        (Phase.USERINFO, 403, {"code": 200}, OTHER, FaultAction.NONE),
        (Phase.API, 400, {"code": "2"}, TRANSIENT, FaultAction.RETRY),
        (Phase.API, 400, {"code": 3}, OTHER, FaultAction.NONE),
        (Phase.API, 500, {"code": 190}, EXPIRED, FaultAction.RECONSENT),
        (Phase.API, 500, {"code": 200}, TRANSIENT, FaultAction.RETRY),
        (Phase.API, 408, {"code": 200}, TRANSIENT, FaultAction.RETRY),
        (Phase.API, 429, {"code": 190}, LIMITED, FaultAction.BACKOFF),
        (Phase.API, None, {"code": 190}, TRANSIENT, FaultAction.RETRY),
    ],
)
def test_a_providers_own_rules_come_after_limits_and_before_everything_else(
    phase: Phase, status: int | None, error: dict[str, object], fault: Fault, action: FaultAction
) -> None:
    verdict = classify(Answer(phase, status, {}, {"error": error}), GRAPH)
    assert (verdict.fault, verdict.action) == (fault, action)


def test_the_first_rule_that_applies_decides_and_keeps_what_the_provider_asked_us_to_wait() -> None:
    verdict = classify(Answer(Phase.API, 400, {"Retry-After": "7"}, {"error": {"code": 2}}), GRAPH)
    assert verdict == Verdict(TRANSIENT, FaultAction.RETRY, "a hiccup of Graph", timedelta(seconds=7))
    assert classify(Answer(Phase.API, 400, {}, {"error": {"code": 190}}), GRAPH).reason == "HTTP 400"


def test_a_reason_carries_no_more_of_the_answer_than_a_word() -> None:
    for secret in (
        "Ya29.a0 <script> " + "x" * 200,
        "0f3a8b1c9d2e4f5a6b7c",
        "gho_16C7e42F292c6912E7710c838347Ae178B4a",
        "x" * 61,
    ):
        assert at_token(400, {"error": secret, "error_description": secret}).reason == "HTTP 400"
    for word in ("invalid_grant", "aadsts700082", "190", "oauth_190.463"):
        assert at_token(400, {"error": word, "error_description": "words"}).reason == f"{word} (HTTP 400)"


@pytest.mark.parametrize(
    ("fault", "elsewhere", "at_the_token_endpoint"),
    [
        (EXPIRED, FaultAction.REFRESH, FaultAction.RECONSENT),
        (REVOKED, FaultAction.RECONSENT, FaultAction.RECONSENT),
        (TRANSIENT, FaultAction.RETRY, FaultAction.RETRY),
        (LIMITED, FaultAction.BACKOFF, FaultAction.BACKOFF),
        (SCOPE, FaultAction.ADD_SCOPE, FaultAction.ADD_SCOPE),
        (APP, FaultAction.FIX_APP, FaultAction.FIX_APP),
        (OTHER, FaultAction.NONE, FaultAction.NONE),
        (OK, FaultAction.NONE, FaultAction.NONE),
    ],
)
def test_each_fault_has_its_usual_action(
    fault: Fault, elsewhere: FaultAction, at_the_token_endpoint: FaultAction
) -> None:
    for phase in Phase:
        is_token = phase in {Phase.TOKEN, Phase.JWT}
        assert usual_action(fault, phase) is (at_the_token_endpoint if is_token else elsewhere)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("error", "code", "ok", "a")), inner),
    max_leaves=8,
)
KNOWN = {
    "invalid_grant",
    "invalid_token",
    "expired_token",
    "invalid_scope",
    "insufficient_scope",
    "consent_required",
    "login_required",
}


@given(
    st.sampled_from(Phase),
    st.none() | st.integers(100, 599),
    json_values | st.text(max_size=40) | st.binary(max_size=40),
    st.dictionaries(st.sampled_from(("Retry-After", "Content-Type", "WWW-Authenticate")), st.text(max_size=20)),
)
def test_nonsense_never_mails_a_member(phase: Phase, status: int | None, body: object, headers: dict[str, str]) -> None:
    answer = Answer(phase, status, headers, body)
    verdict = classify(answer)
    assert answer.word in KNOWN or verdict.action not in MAILS_A_MEMBER
    assert verdict.reason
    assert verdict.fault is not OK or answer.is_success


@given(
    st.sampled_from([Phase.TOKEN, Phase.API, Phase.USERINFO]), st.sampled_from([None, 408, 429, 500, 503]), json_values
)
def test_the_status_wins_over_every_word(phase: Phase, status: int | None, body: object) -> None:
    assert classify(Answer(phase, status, {}, body)).fault in {TRANSIENT, LIMITED}
