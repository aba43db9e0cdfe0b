"""Ending a grant at the provider, and saying truthfully how far that came."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from portal.adapters.provider_calls import Ask, Calls, Deadline
from portal.adapters.token_answers import OAuthFailed, judged
from portal.adapters.web import DEADLINE
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import ClientAuth, RevokeStyle, TokenName
from portal.rules.answers import Answer
from portal.rules.verdicts import Fault


class RevocationState(StrEnum):
    """How far a revocation came."""

    DONE = "done"
    UNSUPPORTED = "unsupported"
    OUTSTANDING = "outstanding"


@dataclass(frozen=True, slots=True)
class Revocation:
    """What became of a grant that was to end at the provider; `reason` says why it is still outstanding."""

    state: RevocationState
    reason: str = ""


def revoke(
    provider: Provider, app: ProviderApp, *, access_token: Secret | None, refresh_token: Secret | None, now: datetime
) -> Revocation:
    """End the grant at the provider (RFC 7009, or as its file says); never raises: what failed is outstanding."""
    calls = Calls(provider, app)
    named = _revocable(provider, access_token, refresh_token)
    try:
        url = calls.revocation_endpoint()
        if not url or named is None:
            return Revocation(RevocationState.UNSUPPORTED)
        return _outcome(provider, _revoked(calls, url, *named, now=now))
    except OAuthFailed as failure:
        return Revocation(RevocationState.OUTSTANDING, failure.verdict.reason)


def _revocable(
    provider: Provider, access_token: Secret | None, refresh_token: Secret | None
) -> tuple[Secret, TokenName] | None:
    """The token to end and what it is: the one the file prefers, or else the other."""
    tokens = {TokenName.REFRESH: refresh_token, TokenName.ACCESS: access_token}
    other = TokenName.ACCESS if provider.revoke.token is TokenName.REFRESH else TokenName.REFRESH
    for name in (provider.revoke.token, other):
        token = tokens[name]
        if token:
            return token, name
    return None


def _revoked(calls: Calls, url: str, token: Secret, name: TokenName, *, now: datetime) -> Answer:
    ask = revocation_ask(calls, url, token, name)
    if ask.auth is ClientAuth.BEARER and not ask.params:
        return calls.show_bearer(url, token, method=ask.method, deadline=DEADLINE)
    return calls.send_as_app(ask, Deadline(), now=now)


def revocation_ask(calls: Calls, url: str, token: Secret, name: TokenName) -> Ask:
    """The request that ends a grant."""
    rules, shown = calls.provider.revoke, token.reveal()
    auth = rules.auth or calls.app_auth
    params = calls.expanded(rules.params, access_token=shown, refresh_token=shown)
    if rules.style is RevokeStyle.RFC7009:
        params = {rules.token_param: shown, "token_type_hint": f"{name}_token", **params}
    headers = {"Authorization": f"Bearer {shown}"} if auth is ClientAuth.BEARER else {}
    return Ask(url=url, params=params, method=rules.method, body=rules.body, auth=auth, headers=headers)


def _outcome(provider: Provider, answer: Answer) -> Revocation:
    """A token the provider calls dead is as good as revoked (RFC 7009 section 2.2)."""
    if answer.is_success and not answer.word:
        return Revocation(RevocationState.DONE)
    verdict = judged(provider, answer)
    if verdict.fault in {Fault.REVOKED, Fault.EXPIRED} or answer.word == "invalid_token":
        return Revocation(RevocationState.DONE)
    return Revocation(RevocationState.OUTSTANDING, verdict.reason)
