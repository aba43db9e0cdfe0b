"""ID tokens and callbacks, verified strictly: nothing the provider says counts before all of it fits.

Libraries' own checks let through an `aud` of somebody else when `azp` is ours, an empty `sub`, any issuer where none is
configured, and `alg: none` where the metadata lists it. The checks here follow OpenID Connect Core 1.0 section 3.1.3.7,
RFC 7515 and RFC 9207; every refusal is an IdentityUnverified whose reason names the field and repeats no value.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from portal.adapters.discovery import SigningKey
from portal.crypto import Secret, from_base64url, to_base64url
from portal.rules.problems import IdentityUnverified

LEEWAY = timedelta(seconds=30)  # between two clocks that are both kept right; none is needed where a token ends
OLDEST = timedelta(hours=1)  # of one that a consent brings: it was made for an attempt of minutes ago
LONGEST_TOKEN = 64 * 1024
LONGEST_SUBJECT = 255  # OpenID Connect Core section 2
CLAIM_IN_ISSUER = re.compile(r"\{(\w+)\}")
LATEST = 253_402_300_800  # the year 10,000, beyond which no moment can be named
DIGESTS = {
    "RS256": "sha256",
    "RS384": "sha384",
    "RS512": "sha512",
    "PS256": "sha256",
    "PS384": "sha384",
    "PS512": "sha512",
    "ES256": "sha256",
    "ES384": "sha384",
    "ES512": "sha512",
    "EdDSA": "sha512",
    "Ed25519": "sha512",
}
"""The algorithms we take, all asymmetric, each with the digest that `at_hash` is made with."""

Claims = Mapping[str, object]
KeysFor = Callable[[str | None], tuple[SigningKey, ...]]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a genuine ID token must say; no `nonce` where the provider never echoes one (and on refreshes).

    `issuer` may name claims in braces, for a provider whose issuer holds the tenant that signed in.
    """

    issuer: str
    client_id: str
    nonce: str | None
    access_token: Secret | None = None


def verified_claims(token: Secret | None, *, keys: KeysFor, expected: Expected, now: datetime) -> Claims:
    """The claims of a genuine ID token meant for us; raises IdentityUnverified for any other.

    `keys` gives the provider's signing keys and is told the key id, so that new ones can be fetched.
    """
    if not token:
        raise IdentityUnverified("there is no ID token")
    algorithm, claims = _signed(token.reveal(), keys)
    _check_issuer(claims, expected)
    _check_audience(claims, expected)
    _check_times(claims, expected, now)
    _check_nonce(claims, expected)
    _check_subject(claims)
    _check_at_hash(claims, algorithm, expected)
    return claims


def _signed(token: str, keys: KeysFor) -> tuple[str, Claims]:
    """The algorithm and claims of a token whose signature one of the provider's keys made."""
    header, claims = _parts(token)
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in DIGESTS:
        raise IdentityUnverified("alg is not one of those we accept")
    if key_id is not None and not isinstance(key_id, str):
        raise IdentityUnverified("kid is not a text")
    if "crit" in header:
        raise IdentityUnverified("it demands extensions we do not know")
    if str(header.get("typ", "JWT")).lower() not in {"jwt", "application/jwt"}:
        raise IdentityUnverified("typ says that it is no ID token")
    candidates = [key for key in keys(key_id) if key_id is None or key.kid in {key_id, None}]
    if not candidates:
        raise IdentityUnverified("kid names a key that the provider does not publish")
    if not any(_is_signed_by(token, key) for key in candidates):
        raise IdentityUnverified("the signature is wrong")
    return algorithm, claims


def _parts(token: str) -> tuple[Claims, Claims]:
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST_TOKEN:
        raise IdentityUnverified("it is not a signed token")
    return _table(parts[0]), _table(parts[1])


def _table(part: str) -> Claims:
    try:
        table = json.loads(from_base64url(part), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise IdentityUnverified("it is not a signed token") from None
    if not isinstance(table, dict):
        raise IdentityUnverified("it is not a signed token")
    return table


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name is there twice")
    return table


def _is_signed_by(token: str, key: SigningKey) -> bool:
    try:
        jws.deserialize_compact(token, key, registry=_ours)
    except (JoseError, ValueError, TypeError):
        return False
    return True


class _OurAlgorithms(jws.JWSRegistry):
    """Takes the algorithms above and, as RFC 7515 section 4 wants it, ignores header members that nobody knows."""

    max_header_length = 8192  # some put their certificates there
    max_payload_length = LONGEST_TOKEN

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


_ours = _OurAlgorithms(algorithms=list(DIGESTS), strict_check_header=False)


def _check_issuer(claims: Claims, expected: Expected) -> None:
    issuer = CLAIM_IN_ISSUER.sub(lambda name: _plain_text(claims.get(name[1])), expected.issuer)
    if not issuer or claims.get("iss") != issuer:
        raise IdentityUnverified("iss is not this provider")


def _plain_text(claim: object) -> str:
    return claim if isinstance(claim, str) and re.fullmatch(r"[A-Za-z0-9-]{1,64}", claim) else ""


def _check_audience(claims: Claims, expected: Expected) -> None:
    """Meant for us, and if for others too, made for us: `azp` must then say so, and must never name anybody else."""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(one, str) for one in audiences) or expected.client_id not in audiences:
        raise IdentityUnverified("aud is not us")
    if len(set(audiences)) > 1 and "azp" not in claims:
        raise IdentityUnverified("aud names others beside us, and azp is missing")
    if "azp" in claims and claims["azp"] != expected.client_id:
        raise IdentityUnverified("azp is not us")


def _check_times(claims: Claims, expected: Expected, now: datetime) -> None:
    if _moment(claims, "exp") <= now.timestamp():
        raise IdentityUnverified("exp is over")
    if expected.nonce is not None and _moment(claims, "iat") + OLDEST.total_seconds() < now.timestamp():
        raise IdentityUnverified("iat is too long ago")
    for name in ("iat", "nbf") if "nbf" in claims else ("iat",):
        if _moment(claims, name) - LEEWAY.total_seconds() > now.timestamp():
            raise IdentityUnverified(f"{name} is still to come")


def _moment(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LATEST:
        raise IdentityUnverified(f"{name} is not a moment")
    return float(value)


def _check_nonce(claims: Claims, expected: Expected) -> None:
    if expected.nonce is None:
        return
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise IdentityUnverified("nonce is not the one we sent")


def _check_subject(claims: Claims) -> None:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise IdentityUnverified("sub is not a name")


def _check_at_hash(claims: Claims, algorithm: str, expected: Expected) -> None:
    if "at_hash" not in claims or expected.access_token is None:
        return
    digest = hashlib.new(DIGESTS[algorithm], expected.access_token.reveal().encode()).digest()
    if claims["at_hash"] != to_base64url(digest[: len(digest) // 2]):
        raise IdentityUnverified("at_hash does not belong to the access token")


def check_callback(params: Mapping[str, str], *, expected_issuer: str | None, iss_required: bool) -> None:
    """Refuse a callback that another provider made (RFC 9207, mix-up); call it after the state was looked up.

    `expected_issuer` is None for providers that have none: they cannot send `iss`, and what they send is not believed.
    Raises IdentityUnverified.
    """
    issuer = params.get("iss")
    if issuer is None:
        if iss_required:
            raise IdentityUnverified("the answer's iss is missing")
        return
    if expected_issuer is not None and issuer != expected_issuer:
        raise IdentityUnverified("the answer's iss is another provider")
