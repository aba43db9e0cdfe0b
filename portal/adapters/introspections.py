"""Asking a provider about one of its tokens (RFC 7662), where it has such a place."""

from datetime import datetime

from portal.adapters.provider_calls import Ask, Calls, Deadline
from portal.adapters.token_answers import OAuthFailed, first_value, judged, moment
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.endpoints import Introspect
from portal.providers.schema import Provider
from portal.providers.words import TokenName
from portal.rules.answers import Answer
from portal.rules.verdicts import Fault, Phase


def introspected(
    calls: Calls, rules: Introspect, token: Secret, name: TokenName = TokenName.ACCESS, *, now: datetime
) -> Answer:
    """What the provider says about a token; an answer that never came is one too.

    Raises OAuthFailed when a discovery document that is needed cannot be had.
    """
    return calls.send_as_app(introspection_ask(calls, rules, token, name), Deadline(), now=now, phase=Phase.INTROSPECT)


def introspection_ask(calls: Calls, rules: Introspect, token: Secret, name: TokenName = TokenName.ACCESS) -> Ask:
    """The request that asks about a token."""
    return Ask(
        url=calls.app.expand(rules.url),
        params={"token": token.reveal(), "token_type_hint": f"{name}_token"},
        auth=rules.auth or calls.app_auth,
        headers={},
    )


def refresh_end(provider: Provider, app: ProviderApp, refresh_token: Secret, *, now: datetime) -> datetime | None:
    """When the refresh token ends, where the provider tells if it is asked; None if not, or if it does not just now."""
    rules = provider.introspect
    if rules is None or not rules.refresh_expires_at:
        return None
    try:
        answer = introspected(Calls(provider, app), rules, refresh_token, TokenName.REFRESH, now=now)
    except OAuthFailed:
        return None
    ends_at = moment(first_value(answer, rules.refresh_expires_at))
    return ends_at if ends_at and ends_at > now and judged(provider, answer).fault is Fault.OK else None
