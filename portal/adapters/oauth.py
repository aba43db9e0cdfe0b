"""Everything we ask of a provider's OAuth side: consent, tokens, identity, accounts, revocation.

Failures are OAuthFailed with the classifier's verdict; an ID token that does not prove who signed in is
IdentityUnverified. Nothing here reads the clock or the database: `now` is handed in, and what a provider gave is
returned. Every call goes through the guarded web.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from portal.adapters import assertions
from portal.adapters.assertions import ServiceKey
from portal.adapters.id_tokens import check_callback
from portal.adapters.identities import Identity, current_subject, identify, is_alive, shared_accounts, subject_of
from portal.adapters.introspections import refresh_end
from portal.adapters.provider_calls import Calls, Deadline
from portal.adapters.revocations import Revocation, RevocationState, revoke
from portal.adapters.token_answers import (
    OAuthFailed,
    TokenAnswer,
    counts_from_first_grant,
    judged,
    read_tokens,
    scopes_granted,
)
from portal.adapters.token_requests import code_ask, refresh_ask, upgrade_ask
from portal.adapters.web import DEADLINE
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.endpoints import Upgrade
from portal.providers.schema import Provider
from portal.providers.words import OnMissing, Pkce, RefreshMode
from portal.rules.verdicts import Fault, FaultAction, Verdict

__all__ = [
    "Identity",
    "OAuthFailed",
    "Revocation",
    "RevocationState",
    "TokenAnswer",
    "assertion",
    "authorization_url",
    "check_callback",
    "code_challenge",
    "current_subject",
    "exchange_code",
    "expected_callback_issuer",
    "identify",
    "is_alive",
    "judged",
    "refresh",
    "refresh_end",
    "revoke",
    "scopes_granted",
    "shared_accounts",
    "subject_of",
]


# Consent


def code_challenge(provider: Provider, code_verifier: str) -> str:
    """The PKCE challenge for a verifier by the provider's method; empty where it takes none."""
    method = provider.authorize.pkce
    if method is Pkce.S256:
        return str(create_s256_code_challenge(code_verifier))
    return code_verifier if method is Pkce.PLAIN else ""


def authorization_url(
    provider: Provider,
    app: ProviderApp,
    *,
    redirect_uri: str,
    state: str,
    nonce: str,
    code_challenge: str,
    scopes: Iterable[str],
    login_hint: str | None = None,
    choose_account: bool = False,
    reconsent: bool = False,
) -> str:
    """The address of the provider's approval page for one attempt; raises OAuthFailed when it cannot be discovered."""
    calls, rules = Calls(provider, app), provider.authorize
    asked = rules.scope.separator.join(scopes)
    params = {
        "response_type": "code",
        rules.client_id_param: app.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        **({rules.scope.param: asked} if asked else {}),
        **calls.expanded(rules.params),
        **(calls.expanded(rules.params_reconsent) if reconsent else {}),
        **(calls.expanded(rules.params_choose_account) if choose_account else {}),
    }
    if provider.is_oidc and provider.identity.oidc.nonce:
        params["nonce"] = nonce
    if rules.pkce is not Pkce.OFF:
        params |= {"code_challenge": code_challenge, "code_challenge_method": rules.pkce.value}
    if login_hint and rules.login_hint_param:
        params[rules.login_hint_param] = login_hint
    if rules.user_scope.default:
        params[rules.user_scope.param] = rules.user_scope.separator.join(rules.user_scope.default)
    return str(add_params_to_uri(calls.needed_endpoint(rules.url, "authorization_endpoint"), list(params.items())))


def expected_callback_issuer(provider: Provider, app: ProviderApp) -> tuple[str | None, bool]:
    """What `check_callback` needs: the issuer a callback may name (None: it has none), and whether it must."""
    published = Calls(provider, app).published()
    if published is None or provider.identity.oidc.issuer_template:
        return None, False
    return published.issuer, published.sends_iss


# Tokens


def exchange_code(
    provider: Provider, app: ProviderApp, *, code: str, redirect_uri: str, code_verifier: str, now: datetime
) -> TokenAnswer:
    """The tokens for an authorization code, upgraded to long-lived ones where there are such; else OAuthFailed."""
    calls, deadline = Calls(provider, app), Deadline()
    ask = code_ask(calls, code=code, redirect_uri=redirect_uri, code_verifier=code_verifier)
    tokens = read_tokens(provider, calls.send_as_app(ask, deadline, now=now), now=now)
    upgrade = provider.token.upgrade
    return _upgraded(calls, upgrade, tokens, deadline, now) if upgrade else tokens


def assertion(provider: Provider, app: ProviderApp, key: ServiceKey, *, now: datetime) -> Secret:
    """What a service connection shows for a token; raises OAuthFailed where the key cannot sign."""
    address = Calls(provider, app).needed_endpoint(provider.token.url, "token_endpoint")
    return assertions.for_grant(provider, app, key, address=address, now=now)


def refresh(
    provider: Provider,
    app: ProviderApp,
    *,
    refresh_token: Secret,
    redirect_uri: str | None = None,
    now: datetime,
    deadline: timedelta = DEADLINE,
    scopes: Iterable[str] = (),
) -> TokenAnswer:
    """Fresh tokens for a refresh token (or what stands for it: see `RefreshMode`); else OAuthFailed.

    Mode `exchange` shows the access token, `jwt_bearer` an assertion, `client_credentials` nothing.

    No `refresh_token` in the answer: the stored one stays. No `refresh_expires_at`: so does its stored end.
    """
    calls, end = Calls(provider, app), Deadline(deadline)
    ask = refresh_ask(calls, refresh_token, redirect_uri, scopes)
    tokens = read_tokens(provider, calls.send_as_app(ask, end, now=now), now=now, places=provider.refresh.map)
    if tokens.refresh_token is None and _must_replace(provider):
        raise OAuthFailed(Verdict(Fault.TRANSIENT, FaultAction.RETRY, "an answer without a new refresh token"))
    if counts_from_first_grant(provider) and not tokens.is_refresh_expiry_stated:
        return replace(tokens, refresh_expires_at=None)
    return tokens


def _must_replace(provider: Provider) -> bool:
    return provider.refresh.mode is RefreshMode.REFRESH_TOKEN and provider.refresh.on_missing is OnMissing.FAIL


def _upgraded(calls: Calls, upgrade: Upgrade, tokens: TokenAnswer, deadline: Deadline, now: datetime) -> TokenAnswer:
    """The long-lived tokens for short-lived ones; what the second answer does not repeat stays as the first said it."""
    answer = calls.with_secrets(
        lambda secret: calls.send(upgrade_ask(calls, upgrade, tokens.access_token, secret), None, deadline)
    )
    longer = read_tokens(calls.provider, answer, now=now)
    return replace(
        longer,
        refresh_token=longer.refresh_token or tokens.refresh_token,
        id_token=longer.id_token or tokens.id_token,
        scopes=tokens.scopes if longer.scopes is None else longer.scopes,
        extra={**tokens.extra, **longer.extra},
    )
