"""Who a grant belongs to, what it shares, whether it lives, and what the provider publishes about itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.discovery import ASKED_AGAIN_AFTER, KEPT, REPEATS, Library
from portal.adapters.oauth import Identity, OAuthFailed, TokenAnswer
from portal.adapters.web import Web
from portal.crypto import Secret
from portal.providers.schema import Provider
from portal.rules.comparison import SharedAccount
from portal.rules.problems import IdentityUnverified
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import KEY, NOW, TOKENS, StandIn, provider_of

OIDC = """
[identity]
source = "id_token"
subject = "/sub"
oidc = { discovery = "{base}/.well-known/openid-configuration" }
"""
WHOAMI = """
[identity]
source = "userinfo"
userinfo = { url = "{base}/me", subject = "/id", label = "/name", email = "/mail" }
"""
ACCOUNTS = '[identity]\naccounts = { url = "{base}/accounts", items = "/data/*", name = "/title" }\n'
TOKEN = Secret("at-1")


@pytest.fixture
def stand_in(httpserver: HTTPServer) -> StandIn:
    return StandIn(httpserver)


def refreshed(stand_in: StandIn, provider: Provider, body: object) -> TokenAnswer:
    stand_in.answers("/token", body)
    return oauth.refresh(provider, stand_in.app, refresh_token=Secret("rt-0"), now=NOW)


def who(stand_in: StandIn, provider: Provider, answer: TokenAnswer, nonce: str | None = "nonce-1") -> Identity:
    return oauth.identify(provider, stand_in.app, answer, nonce=nonce, now=NOW)


def signed_in(stand_in: StandIn, changes: str = OIDC, **claims: Any) -> Identity:
    answer = TokenAnswer(TOKEN, id_token=Secret(stand_in.id_token(**claims)))
    return who(stand_in, provider_of(changes), answer)


def fault_of(failure: pytest.ExceptionInfo[OAuthFailed]) -> Fault:
    return failure.value.verdict.fault


# ID tokens


def test_a_verified_id_token_says_who_signed_in(stand_in: StandIn) -> None:
    stand_in.publishes()
    found = signed_in(stand_in, name="Ana", email="ana@example.com")
    assert found == Identity("subject-1", "Ana", "ana@example.com")


def test_without_a_name_the_email_or_the_subject_is_shown(stand_in: StandIn) -> None:
    stand_in.publishes()
    assert signed_in(stand_in, email="ana@example.com").label == "ana@example.com"
    assert signed_in(stand_in).label == "subject-1"


def test_a_missing_id_token_proves_nobody(stand_in: StandIn) -> None:
    stand_in.publishes()
    with pytest.raises(IdentityUnverified, match="no ID token"):
        who(stand_in, provider_of(OIDC), TokenAnswer(TOKEN))


LIES: list[dict[str, Any]] = [
    {"iss": "https://evil.example"},
    {"aud": "others"},
    {"aud": "others", "azp": "client-1"},
    {"nonce": "nonce-2"},
    {"exp": 1},
    {"sub": ""},
    {"at_hash": "AAAA"},
    {"key": RSAKey.generate_key(2048, {"kid": "key-1"})},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: next(iter(lie)))
def test_an_id_token_that_is_wrong_in_one_field_is_refused(stand_in: StandIn, lie: dict[str, Any]) -> None:
    stand_in.publishes()
    with pytest.raises(IdentityUnverified):
        signed_in(stand_in, **lie)


def test_tokens_of_a_refresh_need_no_nonce(stand_in: StandIn) -> None:
    stand_in.publishes()
    answer = TokenAnswer(TOKEN, id_token=Secret(stand_in.id_token(nonce="another")))
    assert who(stand_in, provider_of(OIDC), answer, nonce=None).subject == "subject-1"


def test_the_name_may_come_from_userinfo(stand_in: StandIn) -> None:
    stand_in.publishes()
    stand_in.answers("/userinfo", {"sub": "subject-1", "name": "Ana", "email": "ana@example.com"})
    changes = OIDC + 'userinfo = { label = "/name", email = "/email" }'
    assert signed_in(stand_in, changes) == Identity("subject-1", "Ana", "ana@example.com")
    assert stand_in.asked[-1].headers["Authorization"] == "Bearer at-1"


def test_userinfo_about_somebody_else_is_refused(stand_in: StandIn) -> None:
    stand_in.publishes()
    stand_in.answers("/userinfo", {"sub": "subject-2", "name": "Ben"})
    with pytest.raises(IdentityUnverified, match="different logins"):
        signed_in(stand_in, OIDC + 'userinfo = { label = "/name" }')


def test_a_failing_userinfo_only_costs_the_name(stand_in: StandIn) -> None:
    stand_in.publishes()
    stand_in.answers("/userinfo", "", 503)
    assert signed_in(stand_in, OIDC + 'userinfo = { label = "/name" }').label == "subject-1"


# Other sources


def test_the_token_answer_may_say_who_signed_in(stand_in: StandIn) -> None:
    provider = provider_of('[identity]\nsecondary = ["/team/id"]\nlabel = "/user/name"')
    answer = refreshed(stand_in, provider, TOKENS | {"user_id": 42, "team": {"id": "T1"}, "user": {"name": "Ana"}})
    assert who(stand_in, provider, answer) == Identity("42", "Ana", None, {"/team/id": "T1"})


def test_the_file_may_cut_the_subject_out_of_a_longer_value(stand_in: StandIn) -> None:
    provider = provider_of('[identity]\nsubject = "/user/uri"\nsubject_pattern = "/users/([0-9]+)$"')
    assert (
        who(stand_in, provider, refreshed(stand_in, provider, TOKENS | {"user": {"uri": "/users/77"}})).subject == "77"
    )


@pytest.mark.parametrize("value", [None, "", " ", True, 1.5, ["x"], {"x": 1}, "s" * 256, "a\nb"])
def test_an_answer_that_names_nobody_is_refused(stand_in: StandIn, value: object) -> None:
    provider = provider_of()
    answer = refreshed(stand_in, provider, TOKENS | {"user_id": value})
    with pytest.raises(IdentityUnverified, match="did not say who"):
        who(stand_in, provider, answer)


def test_the_whoami_call_may_say_who_signed_in(stand_in: StandIn) -> None:
    stand_in.answers("/me", {"id": "u-1", "name": "Ana \u202e", "mail": "ana@example.com"})
    found = who(stand_in, provider_of(WHOAMI), TokenAnswer(TOKEN))
    assert found == Identity("u-1", "Ana", "ana@example.com")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, {"error": "invalid_token"}, Fault.EXPIRED),
        (503, "", Fault.TRANSIENT),
        (429, "", Fault.RATE_LIMITED),
        (200, "<html>", Fault.TRANSIENT),
        (200, "[]", Fault.TRANSIENT),
    ],
)
def test_a_failing_whoami_call_is_a_fault_and_no_identity(
    stand_in: StandIn, status: int, body: object, expected: Fault
) -> None:
    stand_in.answers("/me", body, status)
    with pytest.raises(OAuthFailed) as failed:
        who(stand_in, provider_of(WHOAMI), TokenAnswer(TOKEN))
    assert fault_of(failed) is expected


# Accounts


def shared(stand_in: StandIn, changes: str = ACCOUNTS) -> tuple[SharedAccount, ...]:
    return oauth.shared_accounts(provider_of(changes), stand_in.app, TOKEN)


def test_the_shared_accounts_are_listed_in_order_and_once(stand_in: StandIn) -> None:
    items = [{"id": 2, "title": "Two"}, {"id": "1"}, {"id": 2, "title": "Two"}, {"title": "no id"}, "junk", None]
    stand_in.answers("/accounts", {"data": items})
    assert shared(stand_in) == (SharedAccount("2", "Two"), SharedAccount("1", "1"))


def test_a_provider_without_a_list_shares_none(stand_in: StandIn) -> None:
    assert shared(stand_in, "") == ()


def test_an_empty_list_is_an_answer(stand_in: StandIn) -> None:
    stand_in.answers("/accounts", {"data": []})
    assert shared(stand_in) == ()


@pytest.mark.parametrize(
    ("status", "body"), [(200, {}), (200, ""), (200, "<html>"), (403, {}), (500, {}), (200, {"data": 7})]
)
def test_a_list_that_could_not_be_had_is_never_taken_for_an_empty_one(
    stand_in: StandIn, status: int, body: object
) -> None:
    stand_in.answers("/accounts", body, status)
    with pytest.raises(OAuthFailed):
        shared(stand_in)


def test_a_provider_may_leave_an_empty_list_out(stand_in: StandIn) -> None:
    stand_in.answers("/accounts", {"pageInfo": {"totalResults": 0}})
    left_out = ACCOUNTS.replace(" }", ", is_left_out_when_empty = true }")
    assert shared(stand_in, left_out) == ()


def test_a_list_may_be_the_whole_answer(stand_in: StandIn) -> None:
    stand_in.answers("/accounts", [{"id": "a", "name": "A"}])
    changes = '[identity]\naccounts = { url = "{base}/accounts" }\n[api]\nheaders = { X-Version = "3" }'
    assert shared(stand_in, changes) == (SharedAccount("a", "A"),)
    assert stand_in.asked[0].headers["X-Version"] == "3"


# Life


@pytest.mark.parametrize(("status", "is_alive"), [(200, True), (401, False)])
def test_the_whoami_call_tells_whether_a_token_lives(stand_in: StandIn, status: int, is_alive: bool) -> None:
    stand_in.answers("/me", {"id": "u-1"}, status)
    assert oauth.is_alive(provider_of(WHOAMI), stand_in.app, TOKEN, now=NOW) is is_alive


@pytest.mark.parametrize("status", [404, 429, 500, 503])
def test_whether_a_token_lives_may_be_unknown(stand_in: StandIn, status: int) -> None:
    stand_in.answers("/me", {}, status)
    with pytest.raises(OAuthFailed):
        oauth.is_alive(provider_of(WHOAMI), stand_in.app, TOKEN, now=NOW)


def test_a_provider_without_whoami_cannot_be_asked(stand_in: StandIn) -> None:
    with pytest.raises(OAuthFailed, match="cannot be asked"):
        oauth.is_alive(provider_of(), stand_in.app, TOKEN, now=NOW)


ASKED = """
[introspect]
url = "{base}/introspect"
active = "/data/alive"
revoked = { at = "/data/why", value = "removed" }
"""


@pytest.mark.parametrize(
    ("status", "answer", "fault"),
    [
        (200, {"data": {"alive": True}}, Fault.OK),
        (200, {"data": {"alive": False}}, Fault.EXPIRED),
        (200, {"data": {"alive": False, "why": "removed"}}, Fault.REVOKED),
        (200, {"data": {"alive": False, "why": "old"}}, Fault.EXPIRED),
        (503, {"data": {"alive": False, "why": "removed"}}, Fault.TRANSIENT),
    ],
)
def test_what_introspection_says_is_read_as_the_file_tells(
    stand_in: StandIn, status: int, answer: object, fault: Fault
) -> None:
    stand_in.answers("/introspect", answer, status)
    provider = provider_of(ASKED)
    if fault is not Fault.TRANSIENT:
        assert oauth.is_alive(provider, stand_in.app, TOKEN, now=NOW) is (fault is Fault.OK)
    if fault is not Fault.OK:
        with pytest.raises(OAuthFailed) as failed:
            oauth.current_subject(provider, stand_in.app, TOKEN, now=NOW)
        assert failed.value.verdict.fault is fault


def test_introspection_is_asked_before_whoami_whether_a_token_lives(stand_in: StandIn) -> None:
    stand_in.answers("/introspect", {"active": False})
    stand_in.answers("/me", {"id": "u-1"})
    provider = provider_of(WHOAMI + '[introspect]\nurl = "{base}/introspect"')
    assert not oauth.is_alive(provider, stand_in.app, TOKEN, now=NOW)
    assert stand_in.paths() == ["/introspect"]


# What a provider publishes


def library(stand_in: StandIn) -> tuple[Library, list[float]]:
    clock = [0.0]
    return Library(Web(stand_in.app.private_hosts), clock=lambda: clock[0]), clock


def test_the_document_is_asked_for_once_in_a_while(stand_in: StandIn) -> None:
    stand_in.publishes()
    books, clock = library(stand_in)
    provider = provider_of(OIDC)
    for seconds in (0.0, 1.0, KEPT.total_seconds()):
        clock[0] = seconds
        books.published(provider, stand_in.app)
    assert len(stand_in.asked) == 1
    clock[0] = KEPT.total_seconds() + 1
    books.published(provider, stand_in.app)
    assert len(stand_in.asked) == 2


def test_unknown_key_ids_have_the_keys_asked_for_again_a_few_times_a_minute(stand_in: StandIn) -> None:
    stand_in.publishes()
    books, clock = library(stand_in)
    provider = provider_of(OIDC)
    for step in range(100):
        clock[0] = step * ASKED_AGAIN_AFTER.total_seconds() / 100
        books.keys(provider, stand_in.app, f"forged-{step}")
    assert stand_in.paths().count("/jwks") == 1 + REPEATS
    clock[0] = 2 * ASKED_AGAIN_AFTER.total_seconds()
    books.keys(provider, stand_in.app, "forged-again")
    assert stand_in.paths().count("/jwks") == 2 + REPEATS


@pytest.mark.parametrize("seconds", [0, ASKED_AGAIN_AFTER.total_seconds() + 1])
@pytest.mark.parametrize("forged", [0, REPEATS - 1])
def test_a_new_key_is_found_at_once(stand_in: StandIn, seconds: float, forged: int) -> None:
    new = RSAKey.generate_key(2048, {"kid": "key-2"})
    stand_in.publishes()
    books, clock = library(stand_in)
    books.keys(provider_of(OIDC), stand_in.app, "key-1")
    for number in range(forged):
        books.keys(provider_of(OIDC), stand_in.app, f"forged-{number}")
    stand_in.server.clear()  # type: ignore[no-untyped-call]
    stand_in.publishes(keys=[dict(new.as_dict(private=False))])
    clock[0] = seconds
    assert [key.kid for key in books.keys(provider_of(OIDC), stand_in.app, "key-2")] == ["key-2"]


def test_what_was_known_is_kept_while_the_provider_is_away(stand_in: StandIn) -> None:
    stand_in.publishes()
    books, clock = library(stand_in)
    books.keys(provider_of(OIDC), stand_in.app, "key-1")
    stand_in.server.clear()  # type: ignore[no-untyped-call]
    stand_in.answers("/.well-known/openid-configuration", "", 503)
    stand_in.answers("/jwks", "", 503)
    clock[0] = (KEPT + timedelta(seconds=1)).total_seconds()
    assert [key.kid for key in books.keys(provider_of(OIDC), stand_in.app, "key-1")] == ["key-1"]


def test_keys_that_cannot_sign_or_are_weak_are_left_out(stand_in: StandIn) -> None:
    good = dict(KEY.as_dict(private=False))
    symmetric = dict(OctKey.generate_key(256).as_dict(private=True))
    for_encryption = {**good, "kid": "enc", "use": "enc"}
    weak = {**good, "kid": "weak", "n": good["n"][:171]}
    junk: list[Any] = [{"kty": "RSA"}, {"kty": "XYZ", "kid": "x"}, "text", 7, {"kty": "EC", "crv": "P-256", "x": "?"}]
    stand_in.publishes(keys=[symmetric, for_encryption, weak, *junk, good])
    books, _ = library(stand_in)
    assert [key.kid for key in books.keys(provider_of(OIDC), stand_in.app, None)] == ["key-1"]


BAD_DOCUMENTS: dict[str, tuple[dict[str, Any], Fault]] = {
    "another issuer": ({"issuer": "https://evil.example"}, Fault.APP_CONFIG),
    "no issuer": ({"issuer": ""}, Fault.TRANSIENT),
    "an issuer that is no text": ({"issuer": ["x"]}, Fault.TRANSIENT),
    "an endpoint over http": ({"token_endpoint": "http://evil.example/token"}, Fault.APP_CONFIG),
    "keys elsewhere over http": ({"jwks_uri": "http://evil.example/jwks"}, Fault.APP_CONFIG),
    "no keys": ({"jwks_uri": ""}, Fault.APP_CONFIG),
}


@pytest.mark.parametrize(("changes", "expected"), BAD_DOCUMENTS.values(), ids=BAD_DOCUMENTS)
def test_a_document_that_cannot_be_trusted_is_refused(
    stand_in: StandIn, changes: dict[str, Any], expected: Fault
) -> None:
    stand_in.publishes(**changes)
    books, _ = library(stand_in)
    with pytest.raises(OAuthFailed) as failed:
        books.keys(provider_of(OIDC), stand_in.app, None)
    assert fault_of(failed) is expected


def test_an_issuer_may_end_with_a_slash(stand_in: StandIn) -> None:
    stand_in.publishes(issuer=f"{stand_in.base}/")
    assert signed_in(stand_in, iss=f"{stand_in.base}/").subject == "subject-1"


def test_a_tenants_issuer_is_made_from_the_token(stand_in: StandIn) -> None:
    stand_in.publishes(issuer="https://login.example/{tenantid}/v2.0")
    changes = OIDC.replace(" }", ', issuer_template = "https://login.example/{tid}/v2.0" }')
    assert signed_in(stand_in, changes, iss="https://login.example/blue/v2.0", tid="blue").subject == "subject-1"
    with pytest.raises(IdentityUnverified):
        signed_in(stand_in, changes, iss="https://login.example/blue/v2.0", tid="red")


@pytest.mark.parametrize("sends_iss", [True, False])
def test_what_a_callback_must_name_is_published(stand_in: StandIn, sends_iss: bool) -> None:
    stand_in.publishes(authorization_response_iss_parameter_supported=sends_iss)
    assert oauth.expected_callback_issuer(provider_of(OIDC), stand_in.app) == (stand_in.base, sends_iss)


def test_a_provider_that_publishes_nothing_names_nobody_in_its_callbacks(stand_in: StandIn) -> None:
    assert oauth.expected_callback_issuer(provider_of(), stand_in.app) == (None, False)


def test_the_same_address_under_another_apps_hosts_is_another_web(stand_in: StandIn) -> None:
    stand_in.publishes()
    stranger = replace(stand_in.app, private_hosts=frozenset())
    with pytest.raises(OAuthFailed) as failed:
        oauth.expected_callback_issuer(provider_of(OIDC), stranger)
    assert fault_of(failed) is Fault.APP_CONFIG
    assert stand_in.asked == []
