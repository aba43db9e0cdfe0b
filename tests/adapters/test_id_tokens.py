"""ID tokens and callbacks: the legal ones are taken, and every field wrong in any way is refused with its name."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from portal.adapters.discovery import SigningKey
from portal.adapters.id_tokens import LEEWAY, OLDEST, Claims, Expected, _ours, check_callback, verified_claims
from portal.crypto import Secret, to_base64url
from portal.rules.problems import IdentityUnverified

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = RSAKey.generate_key(2048, {"kid": "first"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "first"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "curve"})
ED_KEY = OKPKey.generate_key("Ed25519", {"kid": "edwards"})
ACCESS_TOKEN = Secret("access-token")
EXPECTED = Expected("https://id.example", "us", "nonce-1", ACCESS_TOKEN)
MISSING = object()


def named(claim: str, value: object) -> str:
    """The same id in every process: pytest-xdist compares them."""
    return f"{claim} missing" if value is MISSING else f"{claim}={value!r:.30}"


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def claims(**changes: Any) -> dict[str, Any]:
    usual = {
        "iss": "https://id.example",
        "aud": "us",
        "sub": "subject-1",
        "nonce": "nonce-1",
        "iat": seconds(NOW),
        "exp": seconds(NOW) + 3600,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not MISSING}


def signed(body: dict[str, Any], *, key: Any = KEY, alg: str = "RS256", **header: Any) -> Secret:
    full = {"alg": alg, "kid": key.kid, **header}
    head = {name: value for name, value in full.items() if value is not MISSING}
    return Secret(jws.serialize_compact(head, json.dumps(body).encode(), key, registry=_ours))


def verify(token: Secret | None, *keys: SigningKey, expected: Expected = EXPECTED) -> Claims:
    return verified_claims(token, keys=lambda _: keys or (KEY,), expected=expected, now=NOW)


def refusal(token: Secret | None, *keys: SigningKey, expected: Expected = EXPECTED) -> str:
    with pytest.raises(IdentityUnverified) as refused:
        verify(token, *keys, expected=expected)
    return refused.value.reason


LEGAL: dict[str, dict[str, Any]] = {
    "plain": {},
    "aud as a list": {"aud": ["us"]},
    "azp is us": {"azp": "us"},
    "several audiences and azp is us": {"aud": ["us", "others"], "azp": "us"},
    "with nbf": {"nbf": seconds(NOW)},
    "fractions of seconds": {"iat": seconds(NOW) - 0.5, "exp": seconds(NOW) + 3600.5},
    "clock a little behind": {"iat": seconds(NOW + LEEWAY)},
    "all but over": {"exp": seconds(NOW) + 1},
    "made a while ago": {"iat": seconds(NOW - OLDEST) + 1},
    "longest subject": {"sub": "s" * 255},
    "further claims": {"name": "Ana", "acr": "1", "amr": ["pwd"]},
    "at_hash": {"at_hash": "P0yR4RHfhPZDL0LaYypDyg"},
}


@pytest.mark.parametrize("changes", LEGAL.values(), ids=LEGAL)
def test_a_legal_variant_is_accepted(changes: dict[str, Any]) -> None:
    if "at_hash" in changes:
        changes = {"at_hash": to_base64url(hashlib.sha256(b"access-token").digest()[:16])}
    assert verify(signed(claims(**changes)))["sub"] == changes.get("sub", "subject-1")


WRONG: list[tuple[str, object, str]] = [
    ("iss", MISSING, "iss"),
    ("iss", "https://id.example/", "iss"),
    ("iss", "https://evil.example", "iss"),
    ("iss", ["https://id.example"], "iss"),
    ("iss", 7, "iss"),
    ("iss", None, "iss"),
    ("aud", MISSING, "aud"),
    ("aud", "others", "aud"),
    ("aud", [], "aud"),
    ("aud", ["others"], "aud"),
    ("aud", ["us", 7], "aud"),
    ("aud", {"us": 1}, "aud"),
    ("aud", None, "aud"),
    ("aud", ["us", "others"], "aud"),
    ("azp", "others", "azp"),
    ("azp", "", "azp"),
    ("azp", ["us"], "azp"),
    ("azp", None, "azp"),
    ("nonce", MISSING, "nonce"),
    ("nonce", "", "nonce"),
    ("nonce", "nonce-2", "nonce"),
    ("nonce", ["nonce-1"], "nonce"),
    ("nonce", None, "nonce"),
    ("exp", MISSING, "exp"),
    ("exp", seconds(NOW), "exp"),
    ("iat", seconds(NOW - OLDEST) - 1, "iat"),
    ("exp", seconds(NOW) - 90, "exp"),
    ("exp", "9999999999", "exp"),
    ("exp", True, "exp"),
    ("exp", -1, "exp"),
    ("exp", 1e300, "exp"),
    ("exp", None, "exp"),
    ("exp", float("nan"), "exp"),
    ("iat", MISSING, "iat"),
    ("iat", seconds(NOW + LEEWAY) + 1, "iat"),
    ("iat", "now", "iat"),
    ("iat", None, "iat"),
    ("iat", True, "iat"),
    ("nbf", seconds(NOW + LEEWAY) + 1, "nbf"),
    ("nbf", "later", "nbf"),
    ("nbf", None, "nbf"),
    ("sub", MISSING, "sub"),
    ("sub", "", "sub"),
    ("sub", "  ", "sub"),
    ("sub", 7, "sub"),
    ("sub", None, "sub"),
    ("sub", ["subject-1"], "sub"),
    ("sub", "s" * 256, "sub"),
    ("at_hash", "AAAAAAAAAAAAAAAAAAAAAA", "at_hash"),
    ("at_hash", "", "at_hash"),
    ("at_hash", 7, "at_hash"),
    ("at_hash", None, "at_hash"),
]


@pytest.mark.parametrize(("name", "value", "reason"), WRONG, ids=[named(name, value) for name, value, _ in WRONG])
def test_a_wrong_claim_is_refused_by_its_name(name: str, value: object, reason: str) -> None:
    assert refusal(signed(claims(**{name: value}))).startswith(reason)


def test_foreign_aud_is_refused_even_when_azp_is_ours() -> None:
    assert refusal(signed(claims(aud="others", azp="us"))).startswith("aud")


def test_a_missing_token_is_refused() -> None:
    assert refusal(None) == "there is no ID token"
    assert refusal(Secret("")) == "there is no ID token"


JUNK = [
    "x",
    "a.b",
    "a.b.c",
    "a.b.c.d.e",
    "..",
    "é.b.c",
    "W10.W10.",
    "eyJhbGciOiJSUzI1NiJ9.W10.c2ln",
    "." * 70_000,
]


@pytest.mark.parametrize("text", JUNK, ids=lambda text: text[:30])
def test_what_is_no_signed_token_is_refused(text: str) -> None:
    assert "not a signed token" in refusal(Secret(text))


def test_a_payload_nested_without_end_is_refused() -> None:
    token = ".".join((to_base64url(b'{"alg":"RS256"}'), to_base64url(b"[" * 40_000), "c2ln"))
    assert "not a signed token" in refusal(Secret(token))


def test_a_claim_that_is_there_twice_is_refused() -> None:
    body = json.dumps(claims()).replace('"sub": "subject-1"', '"sub": "subject-1", "sub": "subject-2"')
    token = jws.serialize_compact({"alg": "RS256", "kid": "first"}, body.encode(), KEY, algorithms=["RS256"])
    assert "not a signed token" in refusal(Secret(token))


# Signatures and keys


@pytest.mark.parametrize(("key", "alg"), [(KEY, "RS512"), (KEY, "PS256"), (EC_KEY, "ES256"), (ED_KEY, "EdDSA")])
def test_asymmetric_algorithms_are_accepted(key: SigningKey, alg: str) -> None:
    assert verify(signed(claims(), key=key, alg=alg), key)


def test_an_unsigned_token_is_refused() -> None:
    head, body = to_base64url(b'{"alg":"none"}'), to_base64url(json.dumps(claims()).encode())
    assert refusal(Secret(f"{head}.{body}.")).startswith("alg")


def test_a_token_signed_with_the_public_key_as_password_is_refused() -> None:
    head, body = to_base64url(b'{"alg":"HS256","kid":"first"}'), to_base64url(json.dumps(claims()).encode())
    signature = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    assert refusal(Secret(f"{head}.{body}.{to_base64url(signature)}")).startswith("alg")


@pytest.mark.parametrize("alg", ["HS256", "none", "NONE", "RS1", ["RS256"], None, MISSING, 7])
def test_any_other_algorithm_in_the_header_is_refused(alg: object) -> None:
    head = {"kid": "first"} | ({} if alg is MISSING else {"alg": alg})
    parts = signed(claims()).reveal().split(".")
    parts[0] = to_base64url(json.dumps(head).encode())
    assert refusal(Secret(".".join(parts))).startswith("alg")


def test_somebody_elses_signature_is_refused() -> None:
    assert refusal(signed(claims(), key=OTHER_KEY)) == "the signature is wrong"


def test_a_changed_payload_is_refused() -> None:
    parts = signed(claims()).reveal().split(".")
    parts[1] = to_base64url(json.dumps(claims(sub="subject-2")).encode())
    assert refusal(Secret(".".join(parts))) == "the signature is wrong"


def test_a_missing_signature_is_refused() -> None:
    assert refusal(Secret(signed(claims()).reveal().rpartition(".")[0] + ".")) == "the signature is wrong"


def test_an_unknown_key_id_is_refused_although_the_key_would_fit() -> None:
    assert refusal(signed(claims(), kid="second")).startswith("kid")


def test_a_token_without_key_id_is_tried_with_all_keys() -> None:
    assert verify(signed(claims(), kid=MISSING), EC_KEY, KEY)


def test_a_key_published_without_id_serves_every_key_id() -> None:
    nameless = RSAKey.import_key({name: value for name, value in KEY.as_dict(private=False).items() if name != "kid"})
    assert verify(signed(claims(), kid="whatever"), nameless)


def test_a_key_published_for_another_algorithm_is_not_used() -> None:
    bound = RSAKey.import_key({**KEY.as_dict(private=False), "alg": "RS512"})
    assert refusal(signed(claims()), bound) == "the signature is wrong"


@pytest.mark.parametrize(
    ("header", "reason"),
    [({"kid": 7}, "kid"), ({"crit": ["b64"], "b64": True}, "it demands"), ({"typ": "at+jwt"}, "typ")],
)
def test_a_strange_header_is_refused(header: dict[str, Any], reason: str) -> None:
    parts = signed(claims()).reveal().split(".")
    parts[0] = to_base64url(json.dumps({"alg": "RS256", "kid": "first", **header}).encode())
    assert refusal(Secret(".".join(parts))).startswith(reason)


def test_a_header_member_nobody_knows_changes_nothing() -> None:
    assert verify(signed(claims(), colour="blue"))


def test_a_key_inside_the_token_is_not_believed() -> None:
    forged = signed(claims(), key=OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False))
    assert refusal(forged) == "the signature is wrong"


def test_the_key_id_is_told_so_that_new_keys_can_be_fetched() -> None:
    asked: list[str | None] = []

    def keys(key_id: str | None) -> tuple[SigningKey, ...]:
        asked.append(key_id)
        return (KEY,)

    verified_claims(signed(claims()), keys=keys, expected=EXPECTED, now=NOW)
    assert asked == ["first"]


# What a provider does differently


def test_no_nonce_is_asked_of_a_provider_that_echoes_none() -> None:
    expected = Expected("https://id.example", "us", None)
    assert verify(signed(claims(nonce=MISSING)), expected=expected)


def test_an_issuer_may_hold_the_tenant_that_the_token_names() -> None:
    expected = Expected("https://id.example/{tid}/v2.0", "us", "nonce-1")
    tenant = {"iss": "https://id.example/blue/v2.0", "tid": "blue"}
    assert verify(signed(claims(**tenant)), expected=expected)
    assert refusal(signed(claims(**tenant | {"tid": "red"})), expected=expected).startswith("iss")
    evil = {"iss": "https://id.example/a/../b/v2.0", "tid": "a/../b"}
    assert refusal(signed(claims(**evil)), expected=expected).startswith("iss")


def test_without_a_known_issuer_none_is_right() -> None:
    assert refusal(signed(claims(iss="")), expected=Expected("", "us", "nonce-1")).startswith("iss")


@pytest.mark.parametrize("later", [timedelta(hours=1, seconds=30), timedelta(days=1)])
def test_time_is_what_the_caller_says(later: timedelta) -> None:
    with pytest.raises(IdentityUnverified, match="exp is over"):
        verified_claims(signed(claims()), keys=lambda _: (KEY,), expected=EXPECTED, now=NOW + later)


# RFC 9207


CALLBACKS: list[tuple[dict[str, str], str | None, bool, bool]] = [
    ({"iss": "https://id.example"}, "https://id.example", True, True),
    ({"iss": "https://id.example"}, "https://id.example", False, True),
    ({}, "https://id.example", False, True),
    ({}, None, False, True),
    ({"iss": "https://anything.example"}, None, False, True),
    ({}, "https://id.example", True, False),
    ({"iss": "https://evil.example"}, "https://id.example", True, False),
    ({"iss": "https://evil.example"}, "https://id.example", False, False),
    ({"iss": "https://id.example/"}, "https://id.example", True, False),
    ({"iss": ""}, "https://id.example", False, False),
]


@pytest.mark.parametrize(("params", "issuer", "is_required", "is_right"), CALLBACKS)
def test_a_callback_must_come_from_the_provider_that_was_asked(
    params: dict[str, str], issuer: str | None, is_required: bool, is_right: bool
) -> None:
    check: Callable[[], None] = lambda: check_callback(params, expected_issuer=issuer, iss_required=is_required)  # noqa: E731
    if is_right:
        check()
    else:
        with pytest.raises(IdentityUnverified):
            check()
