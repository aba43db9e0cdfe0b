"""What an OpenID provider publishes about itself: its endpoints, its issuer and its signing keys.

Both documents are kept in the process for a while. A key id nobody knows makes us fetch the keys anew (providers rotate
them without notice), but only a few times a minute: forged key ids must not become a flood.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from time import monotonic
from typing import Generic, TypeVar

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from portal.adapters.token_answers import OAuthFailed, failed, first_text, first_value
from portal.adapters.web import Request, Web, outgoing
from portal.providers.apps import ProviderApp
from portal.providers.checks import address_fault
from portal.providers.schema import Provider
from portal.providers.words import ClientAuth
from portal.rules.answers import Answer
from portal.rules.verdicts import Fault, FaultAction, Phase, Verdict

T = TypeVar("T")
SigningKey = RSAKey | ECKey | OKPKey

WELL_KNOWN = "/.well-known/openid-configuration"
KEPT = timedelta(hours=1)
ASKED_AGAIN_AFTER = timedelta(minutes=1)
REPEATS = 5  # in that time, for what was not enough: a forged key id must not keep out the new key that comes after it
DEADLINE = timedelta(seconds=5)
PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
LEAST_RSA_TEXT = 2048 * 4 // 24  # base64url letters of a 2048-bit modulus


@dataclass(frozen=True, slots=True)
class Published:
    """A provider's discovery document (OpenID Connect Discovery 1.0), as far as we use it."""

    issuer: str
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    userinfo_endpoint: str = ""
    revocation_endpoint: str = ""
    jwks_uri: str = ""
    app_auth: ClientAuth = ClientAuth.BASIC
    sends_iss: bool = False  # RFC 9207: an authorization response without `iss` is then refused


@dataclass(slots=True)
class _Kept(Generic[T]):
    value: T
    fetched_at: float
    asked_again_at: list[float] = field(default_factory=list)


class Shelf(Generic[T]):
    """Things fetched from an address and kept; times are the process's own monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept[T]] = {}

    def take(self, url: str, fetch: Callable[[], T], *, is_enough: Callable[[T], bool]) -> T:
        """What is kept for the address, fetched (again) when it is old or not enough; a failed repeat keeps the old."""
        kept = self._kept.get(url)
        if kept is None:
            value = fetch()
            self._kept[url] = _Kept(value, self._clock())
            return value
        if self._is_due(kept, is_enough):
            self._renew(kept, fetch)
        return kept.value

    def _is_due(self, kept: _Kept[T], is_enough: Callable[[T], bool]) -> bool:
        now = self._clock()
        kept.asked_again_at = [at for at in kept.asked_again_at if now - at <= ASKED_AGAIN_AFTER.total_seconds()]
        if not is_enough(kept.value):
            return len(kept.asked_again_at) < REPEATS
        return now - kept.fetched_at > KEPT.total_seconds() and not kept.asked_again_at

    def _renew(self, kept: _Kept[T], fetch: Callable[[], T]) -> None:
        now = self._clock()
        kept.asked_again_at.append(now)
        try:
            kept.value = fetch()
        except OAuthFailed:
            return  # asked again in a minute; until then what we know is better than nothing
        kept.fetched_at = now


class Library:
    """The published documents of all providers that one web reaches."""

    def __init__(self, web: Web, *, clock: Callable[[], float] = monotonic) -> None:
        self._web = web
        self._documents: Shelf[Published] = Shelf(clock)
        self._keys: Shelf[tuple[SigningKey, ...]] = Shelf(clock)

    def published(self, provider: Provider, app: ProviderApp) -> Published:
        """The provider's discovery document; raises OAuthFailed when it cannot be had or names another issuer."""
        url = app.expand(provider.identity.oidc.discovery)
        return self._documents.take(
            url, lambda: _document(provider, app, url, self._get(url)), is_enough=lambda _: True
        )

    def keys(self, provider: Provider, app: ProviderApp, key_id: str | None) -> tuple[SigningKey, ...]:
        """The provider's signing keys, asked for anew when `key_id` is not among them; raises OAuthFailed."""
        url = self.published(provider, app).jwks_uri
        return self._keys.take(url, lambda: _keys(provider, self._get(url)), is_enough=lambda keys: _has(keys, key_id))

    def _get(self, url: str) -> Answer:
        return self._web.send(Request(url), phase=Phase.USERINFO, deadline=DEADLINE)


def _document(provider: Provider, app: ProviderApp, url: str, answer: Answer) -> Published:
    if answer.status != 200 or not first_text(answer, "/issuer"):
        raise failed(provider, answer, "no discovery document at the provider's address")
    issuer = first_text(answer, "/issuer")
    if not _is_its_own(provider, url, issuer):
        raise wrongly_set_up("the discovery document names another issuer than its own address")
    return Published(
        issuer=issuer,
        authorization_endpoint=_endpoint(app, answer, "/authorization_endpoint"),
        token_endpoint=_endpoint(app, answer, "/token_endpoint"),
        userinfo_endpoint=_endpoint(app, answer, "/userinfo_endpoint"),
        revocation_endpoint=_endpoint(app, answer, "/revocation_endpoint"),
        jwks_uri=_endpoint(app, answer, "/jwks_uri"),
        app_auth=_app_auth(answer),
        sends_iss=first_value(answer, "/authorization_response_iss_parameter_supported") is True,
    )


def _app_auth(answer: Answer) -> ClientAuth:
    """How a secret is shown at the token endpoint: Basic where that is taken, or nothing is said (Discovery 1.0, 3)."""
    methods = set(map(str, answer.values_at("/token_endpoint_auth_methods_supported/*")))
    is_posted = "client_secret_post" in methods and "client_secret_basic" not in methods
    return ClientAuth.POST if is_posted else ClientAuth.BASIC


def _is_its_own(provider: Provider, url: str, issuer: str) -> bool:
    """The issuer must be the address's own beginning (Discovery 1.0 section 4.3), or the file says how it is made."""
    if provider.identity.oidc.issuer_template:
        return True
    return issuer.removesuffix("/") == url.removesuffix(WELL_KNOWN).removesuffix("/")


def _endpoint(app: ProviderApp, answer: Answer, pointer: str) -> str:
    url = first_text(answer, pointer)
    fault = address_fault(url, private_hosts=app.private_hosts) if url else ""
    if fault:
        raise wrongly_set_up(f"the discovery document's {pointer[1:]} {fault}")
    return url


def _keys(provider: Provider, answer: Answer) -> tuple[SigningKey, ...]:
    """The keys that can check a signature: public ones of the asymmetric kinds; what we cannot read is left out."""
    found = tuple(key for raw in answer.values_at("/keys/*") for key in _readable(raw))
    if answer.status != 200 or not found:
        raise failed(provider, answer, "no signing keys at the provider's address")
    return found


def _readable(raw: object) -> list[SigningKey]:
    if not isinstance(raw, dict) or raw.get("use", "sig") != "sig" or _is_weak(raw):
        return []
    try:
        key = JWKRegistry.import_key({name: value for name, value in raw.items() if name not in PRIVATE_PARTS})
    except (JoseError, ValueError, TypeError, KeyError):
        return []
    return [key] if isinstance(key, RSAKey | ECKey | OKPKey) else []


def _is_weak(raw: Mapping[str, object]) -> bool:
    """Symmetric keys prove nothing about who signed, and short RSA keys too little (RFC 7518 section 3.3)."""
    return raw.get("kty") == "oct" or (raw.get("kty") == "RSA" and len(str(raw.get("n", ""))) < LEAST_RSA_TEXT)


def _has(keys: tuple[SigningKey, ...], key_id: str | None) -> bool:
    return key_id is None or any(key.kid in {key_id, None} for key in keys)


def wrongly_set_up(reason: str) -> OAuthFailed:
    """A failure that an operator has to cure, and that says nothing about anybody's grant."""
    return OAuthFailed(Verdict(Fault.APP_CONFIG, FaultAction.FIX_APP, reason))


@cache
def library(private_hosts: frozenset[str]) -> Library:
    """This process's library for these allowed private hosts."""
    return Library(outgoing(private_hosts))


os.register_at_fork(after_in_child=library.cache_clear)
