"""Assertions: short-lived JWTs of our own signing that stand for a service connection, or prove our app (RFC 7523).

Each is good for minutes and for one request: it ends soon (`exp`), has an id of its own (`jti`) and a date (`iat`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from portal.adapters.discovery import wrongly_set_up
from portal.crypto import Secret, random_token
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import KeyFormat
from portal.rules.service_keys import algorithm_for

CLIENT_LIFE = timedelta(minutes=2)
CLIENT_ALGORITHMS = ("RS256", "ES256", "ES384", "ES512")


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """A service connection's key, open in memory: PEM and how it signs, or an assertion that was signed elsewhere."""

    secret: Secret
    algorithm: str = ""
    key_id: str = ""


def for_grant(provider: Provider, app: ProviderApp, key: ServiceKey, *, address: str, now: datetime) -> Secret:
    """The assertion that a token is asked for with; `address` is the token endpoint's, the usual audience."""
    if provider.assertion.key is KeyFormat.JWT:
        return key.secret
    rules = provider.assertion
    claims = spoken_for(provider, app) | {"aud": app.expand(rules.audience) or address}
    key = replace(key, key_id=key.key_id or app.expand(rules.key_id))
    return _signed(claims, key, timedelta(seconds=rules.lifetime_s), now)


def spoken_for(provider: Provider, app: ProviderApp) -> dict[str, str]:
    """Who asks, for whom, and for what: the claims of the provider's file, the empty ones left out."""
    rules = provider.assertion
    named = {"iss": rules.issuer, "sub": rules.subject, **rules.claims}
    filled = {name: value for name, text in named.items() if (value := app.expand(text))}
    if rules.is_subject_optional or "iss" not in filled:
        return filled
    return {"sub": filled["iss"]} | filled  # RFC 7523 section 3 wants one


def for_client(app: ProviderApp, pem: Secret, *, audience: str, now: datetime) -> Secret:
    """The assertion that proves our app (private_key_jwt: RFC 7523 section 2.2, OpenID Connect Core section 9)."""
    claims = {"iss": app.client_id, "sub": app.client_id, "aud": audience}
    return _signed(claims, ServiceKey(pem, _own_algorithm(pem)), CLIENT_LIFE, now)


def _own_algorithm(pem: Secret) -> str:
    """What the operator's own key signs with."""
    try:
        key = load_pem_private_key(pem.reveal().encode(), None)
    except (ValueError, TypeError) as error:
        raise wrongly_set_up("the private key of our app cannot be read") from error
    curve = None
    if isinstance(key, EllipticCurvePrivateKey):
        curve = {256: "P-256", 384: "P-384", 521: "P-521"}.get(key.key_size, "another")
    found = algorithm_for(CLIENT_ALGORITHMS, curve=curve)
    if found is None or not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise wrongly_set_up("the private key of our app is neither RSA nor EC")
    return found


def _signed(claims: Mapping[str, str], key: ServiceKey, life: timedelta, now: datetime) -> Secret:
    moments = {"iat": int(now.timestamp()), "exp": int((now + life).timestamp()), "jti": random_token(16)}
    header = {"alg": key.algorithm, **({"kid": key.key_id} if key.key_id else {})}
    kind = ECKey if key.algorithm.startswith("ES") else RSAKey
    try:
        opened = kind.import_key(key.secret.reveal())
        return Secret(jwt.encode(header, {**claims, **moments}, opened, [key.algorithm]))
    except (JoseError, ValueError) as error:
        raise wrongly_set_up("the key cannot sign") from error
