"""The requests for tokens, written the way the provider's file says: a code, a refresh, the second hop."""

from collections.abc import Iterable
from dataclasses import replace

from portal.adapters.provider_calls import Ask, Calls
from portal.crypto import Secret
from portal.providers.endpoints import Upgrade
from portal.providers.schema import Provider
from portal.providers.words import ClientAuth, Pkce, RefreshMode


def code_ask(calls: Calls, *, code: str, redirect_uri: str, code_verifier: str) -> Ask:
    """The request that exchanges an authorization code."""
    params = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    if calls.provider.authorize.pkce is not Pkce.OFF:
        params["code_verifier"] = code_verifier
    return _token_ask(calls, params)


GRANT_TYPES = {
    RefreshMode.JWT_BEARER: "urn:ietf:params:oauth:grant-type:jwt-bearer",  # RFC 7523 section 2.1
    RefreshMode.CLIENT_CREDENTIALS: "client_credentials",
    RefreshMode.REFRESH_TOKEN: "refresh_token",
}
SHOWN_AS = {RefreshMode.JWT_BEARER: "assertion", RefreshMode.REFRESH_TOKEN: "refresh_token"}


def refresh_ask(calls: Calls, token: Secret, redirect_uri: str | None, scopes: Iterable[str]) -> Ask:
    """The request that renews a token, exchanges an access token for a later one, or shows an assertion for one."""
    rules, shown = calls.provider.refresh, token.reveal()
    ask = _token_ask(calls, calls.expanded(rules.params, access_token=shown, refresh_token=shown))
    return replace(
        ask,
        url=calls.app.expand(rules.url) or ask.url,
        params={**ask.params, **_refresh_params(calls.provider, shown, redirect_uri, scopes)},
        method=rules.method or ask.method,
        body=rules.body or ask.body,
        auth=rules.auth or ask.auth,
    )


def _refresh_params(provider: Provider, token: str, redirect_uri: str | None, scopes: Iterable[str]) -> dict[str, str]:
    rules = provider.refresh
    if rules.mode not in GRANT_TYPES:
        return {}  # the file's own parameters say all of it
    params = {"grant_type": GRANT_TYPES[rules.mode]}
    if rules.mode in SHOWN_AS:
        params[SHOWN_AS[rules.mode]] = token
    if rules.send_redirect_uri and redirect_uri:
        params["redirect_uri"] = redirect_uri
    asked = provider.authorize.scope.separator.join(scopes)
    if rules.send_scope and asked:
        params[provider.authorize.scope.param] = asked
    return params


def upgrade_ask(calls: Calls, upgrade: Upgrade, token: Secret, secret: Secret | None) -> Ask:
    """The second hop, from a short-lived token to a long-lived one."""
    access_token = token.reveal()
    client_secret = secret.reveal() if secret else ""
    return Ask(
        url=calls.app.expand(upgrade.url),
        params=calls.expanded(upgrade.params, access_token=access_token, client_secret=client_secret),
        method=upgrade.method,
        body=upgrade.body,
        auth=ClientAuth.ANONYMOUS,
        headers={"Authorization": f"Bearer {access_token}"} if upgrade.bearer else {},
    )


def _token_ask(calls: Calls, params: dict[str, str]) -> Ask:
    rules = calls.provider.token
    return Ask(
        url=calls.needed_endpoint(rules.url, "token_endpoint"),
        params={**calls.expanded(rules.params), **params},
        method=rules.method,
        body=rules.body,
        auth=calls.app_auth,
        headers=calls.expanded(rules.headers),
    )
