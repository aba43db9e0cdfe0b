"""What we would ask of a provider, written down without asking anybody: for people who write its file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from portal.adapters.introspections import introspection_ask
from portal.adapters.oauth import authorization_url
from portal.adapters.provider_calls import Ask, Calls
from portal.adapters.revocations import revocation_ask
from portal.adapters.token_requests import code_ask, refresh_ask, upgrade_ask
from portal.adapters.web import Request
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider, Userinfo
from portal.providers.words import ClientAuth, RefreshMode, RevokeStyle

TOKENS = {name: Secret(f"<{name}>") for name in ("access_token", "refresh_token")}
SECRET = Secret("<client_secret>")


@dataclass(frozen=True, slots=True)
class Step:
    """One request: what it is for, method and address, and what it sends; all values are names in <angles>."""

    purpose: str
    request: str
    sends: tuple[str, ...] = ()


def steps(provider: Provider, redirect_uri: str) -> Iterator[Step]:
    """Every request the file leads to, in the order of a connection's life; addresses it leaves out stay names."""
    named = _with_named_addresses(provider)
    filled = {name: one.default or f"<{name}>" for name, one in provider.vars.items()}
    calls = Calls(named, ProviderApp("<client_id>", (SECRET,), filled))
    if not named.kind.is_service:
        yield _page(calls, redirect_uri)
        yield _asked(calls, "exchange", _code_ask(calls, redirect_uri))
    if named.token.upgrade:
        yield _asked(calls, "second hop", upgrade_ask(calls, named.token.upgrade, TOKENS["access_token"], SECRET))
    if named.identity.userinfo and named.identity.userinfo.url:
        yield Step("whoami", f"{named.identity.userinfo.method} {calls.app.expand(named.identity.userinfo.url)}")
    if named.introspect:
        yield _asked(calls, "introspection", introspection_ask(calls, named.introspect, TOKENS["access_token"]))
    if named.accounts:
        yield Step("accounts", f"GET {calls.app.expand(named.accounts.url)}")
    if named.refresh.mode is not RefreshMode.NONE:
        scopes = named.authorize.scope.default
        purpose = "token" if named.kind.is_service else "refresh"
        yield _asked(calls, purpose, refresh_ask(calls, _shown(named), redirect_uri, scopes))
    if named.revoke.style is not RevokeStyle.NONE:
        name = named.revoke.token
        url = calls.app.expand(named.revoke.url)
        yield _asked(calls, "revocation", revocation_ask(calls, url, TOKENS[f"{name}_token"], name))


def _shown(provider: Provider) -> Secret:
    """What a refresh shows, by its name."""
    if provider.refresh.mode is RefreshMode.JWT_BEARER:
        return Secret("<assertion>")
    return TOKENS["access_token" if provider.refresh.mode is RefreshMode.EXCHANGE else "refresh_token"]


def _with_named_addresses(provider: Provider) -> Provider:
    """The provider with a name in place of every address that its discovery document holds."""
    if not provider.is_oidc:
        return provider
    whoami = provider.identity.userinfo or Userinfo()
    return replace(
        provider,
        authorize=replace(provider.authorize, url=provider.authorize.url or "<authorization_endpoint>"),
        token=replace(
            provider.token,
            url=provider.token.url or "<token_endpoint>",
            auth=provider.token.auth or ClientAuth.BASIC,  # until the document says otherwise
        ),
        revoke=replace(provider.revoke, url=provider.revoke.url or "<revocation_endpoint>"),
        identity=replace(provider.identity, userinfo=replace(whoami, url=whoami.url or "<userinfo_endpoint>")),
    )


def _page(calls: Calls, redirect_uri: str) -> Step:
    url = authorization_url(
        calls.provider,
        calls.app,
        redirect_uri=redirect_uri,
        state="<state>",
        nonce="<nonce>",
        code_challenge="<code_challenge>",
        scopes=calls.provider.authorize.scope.default,
    )
    return _step("approval page", Request(url))


def _code_ask(calls: Calls, redirect_uri: str) -> Ask:
    return code_ask(calls, code="<code>", redirect_uri=redirect_uri, code_verifier="<code_verifier>")


def _asked(calls: Calls, purpose: str, ask: Ask) -> Step:
    return _step(purpose, calls.written(ask, SECRET))


def _step(purpose: str, request: Request) -> Step:
    address, _, query = request.url.partition("?")
    body = (request.body or b"").decode()
    fields = [body] if body.startswith("{") else [f"{name} = {value}" for name, value in parse_qsl(query or body)]
    shown = request.headers.get("Authorization", "").partition(" ")[0]
    headers = [f"Authorization: {shown} ..."] if shown else []
    return Step(purpose, f"{request.method} {address}", (*headers, *fields))
