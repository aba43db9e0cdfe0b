"""Sending a person to a provider, and what its failures mean to that person."""

from datetime import timedelta

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.rules.problems import Problem, ProviderRefused, ProviderUnavailable
from portal.rules.verdicts import Fault
from portal.services import offers
from portal.services.attempts import Start, Ticket

TRY_AGAIN_AFTER = timedelta(seconds=30)
PASSING = frozenset({Fault.TRANSIENT, Fault.RATE_LIMITED})
APP_FAULT = "Our own app is not set up right there. An admin has to look at it; your connections keep working."


def approval_url(start: Start, ticket: Ticket, *, choose_account: bool) -> str:
    """The address of the approval page for this trip; raises ProviderNotConfigured, -Unavailable or -Refused."""
    provider, app = offers.offered_to(start)
    try:
        return oauth.authorization_url(
            provider,
            app,
            redirect_uri=offers.redirect_uri(provider.id),
            state=ticket.state,
            nonce=ticket.nonce,
            code_challenge=oauth.code_challenge(provider, ticket.code_verifier),
            scopes=provider.authorize.scope.default,
            login_hint=start.login_hint,
            choose_account=choose_account,
            reconsent=start.is_reconsent,
        )
    except OAuthFailed as failed:
        raise problem_of(failed) from failed


def problem_of(failed: OAuthFailed) -> Problem:
    """A provider's failure as a person is told it."""
    verdict = failed.verdict
    if verdict.fault in PASSING:
        return ProviderUnavailable(verdict.retry_after or TRY_AGAIN_AFTER)
    return ProviderRefused(APP_FAULT if verdict.fault is Fault.APP_CONFIG else "")
