"""Asking a provider about one of its tokens (RFC 7662), where it has such a place."""

from datetime import datetime

from portal.adapters.provider_calls import Ask, Calls, Deadline
from portal.crypto import Secret
from portal.providers.endpoints import Introspect
from portal.rules.answers import Answer
from portal.rules.verdicts import Phase


def introspected(calls: Calls, rules: Introspect, access_token: Secret, *, now: datetime) -> Answer:
    """What the provider says about an access token; an answer that never came is one too.

    Raises OAuthFailed when a discovery document that is needed cannot be had.
    """
    ask = introspection_ask(calls, rules, access_token)
    return calls.send_as_app(ask, Deadline(), now=now, phase=Phase.INTROSPECT)


def introspection_ask(calls: Calls, rules: Introspect, access_token: Secret) -> Ask:
    """The request that asks about an access token."""
    return Ask(
        url=calls.app.expand(rules.url),
        params={"token": access_token.reveal(), "token_type_hint": "access_token"},
        auth=rules.auth or calls.app_auth,
        headers={},
    )
