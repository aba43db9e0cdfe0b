"""ID tokens: honest ones, legal variants and every lie a client must see through."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oidc.core.util import create_half_hash
from joserfc import jwt
from joserfc.jwk import RSAKey

from portal.demo.provider.issuers import Login

LIFETIME = timedelta(hours=1)
JUST_OVER = timedelta(seconds=90)  # what a library with two minutes' leeway still lets through
SOMEBODY_ELSE = "somebody-else"

Claims = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """Who signed in, for which client, in which consent."""

    issuer_url: str
    client_id: str
    login: Login
    scope: str
    access_token: str
    signed_in_at: datetime
    nonce: str | None


def encode(identity: Identity, key: RSAKey, kind: str, *, now: datetime) -> str | None:
    """The ID token as the knob `id_token` says, signed with `key`; None where it is to be missing."""
    if kind == "missing":
        return None
    if kind == "not_a_jwt":
        return "this-is-not-a-jwt"
    claims = _TWISTS.get(kind, _unchanged)(_claims(identity, now))
    return _SIGNATURES.get(kind, _sign)(claims, key)


def user_claims(login: Login, scope: str) -> Claims:
    """What the granted scopes let a client know about a login."""
    scopes = scope.split()
    claims = {"sub": login.sub}
    if "profile" in scopes:
        claims["name"] = login.name
    if "email" in scopes:
        claims["email"] = login.email
    return claims


def _claims(identity: Identity, now: datetime) -> Claims:
    claims: Claims = {
        "iss": identity.issuer_url,
        "aud": identity.client_id,
        "iat": _seconds(now),
        "exp": _seconds(now + LIFETIME),
        "auth_time": _seconds(identity.signed_in_at),
        "at_hash": create_half_hash(identity.access_token, "RS256").decode(),
    }
    if identity.nonce:
        claims["nonce"] = identity.nonce
    return claims | user_claims(identity.login, identity.scope)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _unchanged(claims: Claims) -> Claims:
    return claims


def _with(**changes: Any) -> Callable[[Claims], Claims]:
    return lambda claims: claims | changes


def _without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def _just_expired(claims: Claims) -> Claims:
    shift = int((LIFETIME + JUST_OVER).total_seconds())
    return claims | {"iat": claims["iat"] - shift, "exp": claims["exp"] - shift}


def _from_tomorrow(claims: Claims) -> Claims:
    day = 24 * 60 * 60
    return claims | {"iat": claims["iat"] + day, "exp": claims["exp"] + day}


_TWISTS: dict[str, Callable[[Claims], Claims]] = {
    "aud_as_list": lambda claims: claims | {"aud": [claims["aud"]]},
    "with_azp": lambda claims: claims | {"azp": claims["aud"]},
    "without_at_hash": _without("at_hash"),
    "wrong_iss": lambda claims: claims | {"iss": claims["iss"] + "-other"},
    "wrong_aud": _with(aud=SOMEBODY_ELSE),
    "foreign_aud_own_azp": lambda claims: claims | {"aud": SOMEBODY_ELSE, "azp": claims["aud"]},
    "foreign_azp": lambda claims: claims | {"aud": [claims["aud"], SOMEBODY_ELSE], "azp": SOMEBODY_ELSE},
    "wrong_nonce": _with(nonce="not-the-nonce-you-sent"),
    "without_nonce": _without("nonce"),
    "expired": _just_expired,
    "without_exp": _without("exp"),
    "issued_in_future": _from_tomorrow,
    "without_iat": _without("iat"),
    "empty_sub": _with(sub=""),
    "without_sub": _without("sub"),
    "wrong_at_hash": lambda claims: claims | {"at_hash": create_half_hash("another-token", "RS256").decode()},
}


def _sign(claims: Claims, key: RSAKey, kid: str | None = None) -> str:
    return jwt.encode({"alg": "RS256", "kid": kid or key.kid}, claims, key, ["RS256"])


def _sign_without_kid(claims: Claims, key: RSAKey) -> str:
    return jwt.encode({"alg": "RS256"}, claims, key, ["RS256"])


def _name_unknown_key(claims: Claims, key: RSAKey) -> str:
    return _sign(claims, key, kid="a-key-nobody-published")


def _leave_unsigned(claims: Claims, _key: RSAKey) -> str:
    return f"{_signing_input({'alg': 'none'}, claims)}."


def _sign_with_public_key_as_secret(claims: Claims, key: RSAKey) -> str:
    """The algorithm confusion: HMAC under a key that everybody can download."""
    text = _signing_input({"alg": "HS256", "kid": key.kid}, claims)
    return f"{text}.{_base64(hmac.digest(key.as_pem(private=False), text.encode(), 'sha256'))}"


def _break_signature(claims: Claims, key: RSAKey) -> str:
    head, body, signature = _sign(claims, key).split(".")
    return f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


_SIGNATURES: dict[str, Callable[[Claims, RSAKey], str]] = {
    "without_kid": _sign_without_kid,
    "unknown_kid": _name_unknown_key,
    "alg_none": _leave_unsigned,
    "alg_hs256": _sign_with_public_key_as_secret,
    "bad_signature": _break_signature,
}


def _signing_input(header: Claims, claims: Claims) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
