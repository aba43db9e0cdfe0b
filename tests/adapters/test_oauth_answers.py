"""What a token endpoint may answer: what is a token, how long it lives, and every way of not being one."""

import base64
import json
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed, TokenAnswer
from portal.adapters.token_answers import life
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import ExpiryUnit
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import NOW, TOKENS, StandIn, provider_of

HOUR = timedelta(hours=1)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def stand_in(httpserver: HTTPServer) -> StandIn:
    return StandIn(httpserver)


def refresh(stand_in: StandIn, provider: Provider) -> TokenAnswer:
    return oauth.refresh(provider, stand_in.app, refresh_token=Secret("rt-0"), now=NOW, deadline=timedelta(seconds=2))


def answered(stand_in: StandIn, body: object, changes: str = "", **more: Any) -> TokenAnswer:
    stand_in.answers("/token", body, **more)
    return refresh(stand_in, provider_of(changes))


def fault(stand_in: StandIn, body: object, status: int = 200, changes: str = "", **more: Any) -> Fault:
    with pytest.raises(OAuthFailed) as failed:
        answered(stand_in, body, changes, status=status, **more)
    return failed.value.verdict.fault


def jwt_ending(moment: datetime) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(moment.timestamp())}).encode()).rstrip(b"=").decode()
    return f"e30.{claims}.c2ln"


# Tokens


def test_a_plain_answer_is_read_whole(stand_in: StandIn) -> None:
    tokens = answered(stand_in, TOKENS | {"scope": "b a", "refresh_token_expires_in": 86400, "id_token": "x.y.z"})
    assert tokens.access_token.reveal() == "at-1"
    assert tokens.refresh_token == Secret("rt-1")
    assert tokens.id_token == Secret("x.y.z")
    assert (tokens.token_type, tokens.scopes) == ("Bearer", frozenset({"a", "b"}))
    assert (tokens.expires_at, tokens.refresh_expires_at) == (NOW + HOUR, NOW + timedelta(days=1))
    assert tokens.is_expiry_stated
    assert tokens.is_refresh_expiry_stated


def test_nothing_of_a_token_shows_when_it_is_printed(stand_in: StandIn) -> None:
    tokens = answered(stand_in, TOKENS | {"user_id": "u-1"}, '[token]\nmap = { extra = ["/refresh_token"] }')
    assert not any(secret in repr(tokens) for secret in ("at-1", "rt-1"))


def test_a_form_encoded_answer_is_read_too(stand_in: StandIn) -> None:
    tokens = answered(stand_in, "access_token=at-9&scope=read%2Cwrite&token_type=bearer&expires_in=60", headers=FORM)
    assert tokens.access_token.reveal() == "at-9"
    assert tokens.scopes == frozenset({"read", "write"})
    assert tokens.expires_at == NOW + timedelta(minutes=1)


def test_the_map_says_where_things_are(stand_in: StandIn) -> None:
    changes = """
    [token.map]
    access_token = "/authed_user/access_token"
    refresh_token = "/authed_user/refresh_token"
    expires_in = "/authed_user/ttl"
    expires_unit = "ms"
    scope = "/granted"
    extra = ["/team/id"]
    """
    body = {
        "ok": True,
        "authed_user": {"access_token": "xoxp", "refresh_token": "xoxe", "ttl": "60000"},
        "granted": ["a", "b"],
        "team": {"id": "T1"},
    }
    tokens = answered(stand_in, body, changes)
    assert (tokens.access_token.reveal(), tokens.refresh_token) == ("xoxp", Secret("xoxe"))
    assert tokens.expires_at == NOW + timedelta(minutes=1)
    assert (tokens.scopes, tokens.extra["/team/id"]) == (frozenset({"a", "b"}), "T1")


@pytest.mark.parametrize("is_wrapped", [False, True], ids=["flat", "wrapped"])
def test_of_several_places_the_first_that_is_there_counts(stand_in: StandIn, is_wrapped: bool) -> None:
    told = {"access_token": "at-7", "permissions": ["read", "write"]}
    changes = """
    [token.map]
    access_token = "/access_token|/data/0/access_token"
    scope = "/permissions|/data/0/permissions"
    """
    tokens = answered(stand_in, {"data": [told]} if is_wrapped else told, changes)
    assert (tokens.access_token.reveal(), tokens.scopes) == ("at-7", frozenset({"read", "write"}))


@pytest.mark.parametrize("empty", [None, "", 7, [], {}, False])
def test_an_empty_refresh_token_is_none_at_all(stand_in: StandIn, empty: object) -> None:
    assert answered(stand_in, TOKENS | {"refresh_token": empty}).refresh_token is None


def test_a_provider_that_must_send_a_new_refresh_token_and_does_not_has_failed(stand_in: StandIn) -> None:
    assert fault(stand_in, {"access_token": "at-1"}, changes='[refresh]\non_missing = "fail"') is Fault.TRANSIENT


@pytest.mark.parametrize(
    ("scope", "read"),
    [
        (None, None),
        (7, None),
        ("", frozenset()),
        ("a", frozenset({"a"})),
        ("a,b c", frozenset({"a", "b", "c"})),
        (["a", 7, ""], frozenset({"a"})),
    ],
)
def test_scopes_are_what_the_answer_says(stand_in: StandIn, scope: object, read: frozenset[str] | None) -> None:
    assert answered(stand_in, TOKENS | {"scope": scope}).scopes == read


def test_a_scope_may_hold_a_comma_where_the_file_names_the_separator(stand_in: StandIn) -> None:
    tokens = answered(stand_in, TOKENS | {"scope": "a,b c"}, '[token.map]\nscope_separator_out = " "')
    assert tokens.scopes == frozenset({"a,b", "c"})


# Lifetimes

CATALOG = 'as_of = "2026-11-20"\n[clocks]\naccess_s = 7200\nrefresh_absolute_s = 86400\n'


@pytest.mark.parametrize(
    ("value", "unit", "length"),
    [
        (3600, "s", HOUR),
        ("3600", "s", HOUR),
        (" 3600 ", "s", HOUR),
        (3600.0, "s", HOUR),
        ("3600.0", "s", HOUR),
        (3_600_000, "ms", HOUR),
        (0, "s", None),
        ("0", "s", None),
        (-5, "s", None),
        (None, "s", None),
        ("", "s", None),
        ("soon", "s", None),
        ("nan", "s", None),
        ("inf", "s", None),
        (float("nan"), "s", None),
        (True, "s", None),
        ([3600], "s", None),
        (10**30, "s", None),
        ("9" * 400, "s", None),
    ],
)
def test_a_lifetime_is_read_as_providers_write_it(value: object, unit: str, length: timedelta | None) -> None:
    assert life(value, ExpiryUnit(unit)) == length


def test_the_answer_beats_the_catalog(stand_in: StandIn) -> None:
    tokens = answered(stand_in, TOKENS | {"refresh_token_expires_in": 60}, CATALOG)
    assert (tokens.expires_at, tokens.refresh_expires_at) == (NOW + HOUR, NOW + timedelta(minutes=1))


@pytest.mark.parametrize("expires_in", [None, 0, "", "soon"])
def test_where_the_answer_is_silent_the_catalog_speaks(stand_in: StandIn, expires_in: object) -> None:
    tokens = answered(stand_in, TOKENS | {"expires_in": expires_in}, CATALOG)
    assert (tokens.expires_at, tokens.refresh_expires_at) == (NOW + 2 * HOUR, NOW + timedelta(days=1))
    assert not tokens.is_expiry_stated
    assert not tokens.is_refresh_expiry_stated


def test_where_both_are_silent_no_end_is_known(stand_in: StandIn) -> None:
    tokens = answered(stand_in, {"access_token": "at-1"})
    assert (tokens.expires_at, tokens.refresh_expires_at) == (None, None)


@pytest.mark.parametrize(
    ("expires_in", "jwt_life", "read"),
    [(3600, HOUR / 2, HOUR / 2), (3600, 2 * HOUR, HOUR), (None, HOUR / 2, HOUR / 2)],
)
def test_of_two_claims_the_earlier_one_counts(
    stand_in: StandIn, expires_in: int | None, jwt_life: timedelta, read: timedelta
) -> None:
    body = {"access_token": jwt_ending(NOW + jwt_life), "expires_in": expires_in}
    assert answered(stand_in, body, CATALOG).expires_at == NOW + read


@pytest.mark.parametrize(
    "token", ["a.b.c", "e30.W10.c2ln", "e30.bnVsbA.c2ln", "e30.eyJleHAiOiJ4In0.c2ln", "..", "e30.____.c"]
)
def test_what_only_looks_like_a_jwt_states_no_end(stand_in: StandIn, token: str) -> None:
    assert answered(stand_in, {"access_token": token}).expires_at is None


def test_a_refresh_does_not_move_an_end_that_counts_from_the_first_grant(stand_in: StandIn) -> None:
    fixed = CATALOG + 'refresh_absolute_from = "first_grant"\n'
    assert answered(stand_in, TOKENS, fixed).refresh_expires_at is None


def test_a_stated_end_counts_even_then(stand_in: StandIn) -> None:
    fixed = CATALOG + 'refresh_absolute_from = "first_grant"\n'
    tokens = answered(stand_in, TOKENS | {"refresh_token_expires_in": 60}, fixed)
    assert tokens.refresh_expires_at == NOW + timedelta(minutes=1)


# Everything that is not a token

HTML = "<!doctype html><title>Maintenance</title>"
NOT_TOKENS: dict[str, tuple[int, object, Fault]] = {
    "error in a 200": (200, {"error": "bad_refresh_token"}, Fault.TRANSIENT),
    "error beside a token": (200, TOKENS | {"error": "invalid_grant"}, Fault.REVOKED),
    "an unknown error beside a token": (200, TOKENS | {"error": "whatever"}, Fault.TRANSIENT),
    "ok false in a 200": (200, {"ok": False, "error": "token_revoked"}, Fault.TRANSIENT),
    "200 without a token": (200, {"message": "fine"}, Fault.TRANSIENT),
    "200 with an empty token": (200, {"access_token": ""}, Fault.TRANSIENT),
    "200 with a null token": (200, {"access_token": None}, Fault.TRANSIENT),
    "200 with a number as token": (200, {"access_token": 7}, Fault.TRANSIENT),
    "200 with a token that breaks a header": (200, {"access_token": "a\r\nX-Evil: 1"}, Fault.TRANSIENT),
    "200 with a token that is no ASCII": (200, {"access_token": "tøken"}, Fault.TRANSIENT),
    "200 with a list": (200, [TOKENS], Fault.TRANSIENT),
    "200 with a page": (200, HTML, Fault.TRANSIENT),
    "200 with nothing": (200, "", Fault.TRANSIENT),
    "200 with half a document": (200, '{"access_token": "a', Fault.TRANSIENT),
    "a token in a 400": (400, TOKENS, Fault.TRANSIENT),
    "a token in a 429": (429, TOKENS, Fault.RATE_LIMITED),
    "a token in a 202": (202, TOKENS, Fault.TRANSIENT),
    "400 without an error": (400, {"message": "slow down"}, Fault.TRANSIENT),
    "an error that is a table": (400, {"error": {"code": 190, "error_subcode": 467}}, Fault.TRANSIENT),
    "invalid_grant": (400, {"error": "invalid_grant"}, Fault.REVOKED),
    "invalid_grant because of time": (
        400,
        {"error": "invalid_grant", "error_description": "Token expired"},
        Fault.EXPIRED,
    ),
    "invalid_grant under 403": (403, {"error": "invalid_grant"}, Fault.REVOKED),
    "invalid_grant under 429": (429, {"error": "invalid_grant"}, Fault.RATE_LIMITED),
    "invalid_client": (401, {"error": "invalid_client"}, Fault.APP_CONFIG),
    "invalid_scope": (400, {"error": "invalid_scope"}, Fault.SCOPE_MISSING),
    "500": (500, {"error": "invalid_grant"}, Fault.TRANSIENT),
    "502 with a page": (502, HTML, Fault.TRANSIENT),
    "redirect": (307, "", Fault.TRANSIENT),
}


@pytest.mark.parametrize(("status", "body", "expected"), NOT_TOKENS.values(), ids=NOT_TOKENS)
def test_what_is_not_plainly_a_token_is_a_fault(stand_in: StandIn, status: int, body: object, expected: Fault) -> None:
    more = {"headers": {"Content-Type": "text/html"}} if body == HTML else {}
    assert fault(stand_in, body, status, **more) is expected


def test_a_providers_own_rule_inside_a_200_counts_although_a_token_is_there(stand_in: StandIn) -> None:
    changes = """
    [[errors]]
    phase = ["token"]
    when = [{ at = "body:/status", op = "eq", value = "blocked" }]
    result = "revoked"
    """
    assert fault(stand_in, TOKENS | {"status": "blocked"}, changes=changes) is Fault.REVOKED


def test_the_file_may_ask_for_more_than_a_token(stand_in: StandIn) -> None:
    changes = '[token.success]\nfield = "/ok"\nstatus = [200, 201]'
    assert fault(stand_in, TOKENS, changes=changes) is Fault.TRANSIENT


def test_the_wait_a_provider_asks_for_is_handed_on(stand_in: StandIn) -> None:
    with pytest.raises(OAuthFailed) as failed:
        answered(stand_in, "", status=503, headers={"Retry-After": "17"})
    assert failed.value.verdict.retry_after == timedelta(seconds=17)


DROPBOX = {"error": {".tag": "too_many_requests", "retry_after": 300}}


@pytest.mark.parametrize(
    ("places", "wait_s"),
    [
        ("[]", 77),
        ('["body:/error/retry_after"]', 300),
        ('["header:x-wait", "body:/error/retry_after"]', 12),
        ('["body:/nowhere", "body:/error/.tag"]', 77),
    ],
)
def test_how_long_to_wait_may_stand_at_a_place_of_the_providers_own(
    stand_in: StandIn, places: str, wait_s: int
) -> None:
    stand_in.answers("/token", DROPBOX, 429, {"Retry-After": "77", "X-Wait": "12"})
    with pytest.raises(OAuthFailed) as failed:
        refresh(stand_in, provider_of(f"[api]\nlimit_reset = {places}"))
    assert failed.value.verdict.retry_after == timedelta(seconds=wait_s)


def test_nobody_there_is_transient() -> None:
    with HTTPServer("127.0.0.1", 0) as server:
        app = StandIn(server).app
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider_of(), app, refresh_token=Secret("rt-0"), now=NOW)
    assert failed.value.verdict.fault is Fault.TRANSIENT


def test_an_address_inside_the_network_is_the_operators_fault_and_gets_no_packet(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    app = ProviderApp("client-1", (Secret("s"),), {"base": stand_in.base}, frozenset())
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider_of(), app, refresh_token=Secret("rt-0"), now=NOW)
    assert failed.value.verdict.fault is Fault.APP_CONFIG
    assert stand_in.asked == []


def test_nothing_is_asked_when_nobody_would_wait_for_the_answer(stand_in: StandIn) -> None:
    stand_in.answers("/token", TOKENS)
    with pytest.raises(OAuthFailed, match="no time left"):
        oauth.refresh(
            provider_of(), stand_in.app, refresh_token=Secret("rt-0"), now=NOW, deadline=timedelta(milliseconds=100)
        )
    assert stand_in.asked == []


def test_no_log_holds_a_secret_that_travels_in_an_address(stand_in: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answered(stand_in, TOKENS, '[token]\nmethod = "GET"\nbody = "query"\nauth = "post"')
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert stand_in.asked[0].query["client_secret"] == "s3cret"
    assert "s3cret" not in str(ours)


def test_no_secret_stands_in_a_failure(stand_in: StandIn) -> None:
    with pytest.raises(OAuthFailed) as failed:
        answered(stand_in, {"error": "invalid_grant", "error_description": "rt-0 was revoked"}, status=400)
    assert "rt-0" not in f"{failed.value} {failed.value.verdict}"
