"""The provider's answer to a trip, read in the order in which it may be believed.

The state was looked up and spent before. Then: whose answer it is (RFC 9207), whether it is a yes, and only then the
code, exchanged for tokens whose owner has to be proved. Every refusal is noted with its plain reason.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed, TokenAnswer
from portal.providers.apps import ProviderApp
from portal.providers.kept import kept_of, variables_kept
from portal.providers.schema import Provider
from portal.rules.problems import (
    ConsentAttemptInvalid,
    ConsentDenied,
    Problem,
    ProviderRefused,
    ProviderUnavailable,
)
from portal.rules.status import DateSource
from portal.services import attempts, leftovers, offers
from portal.services.attempts import Trip
from portal.services.new_grants import NewGrant
from portal.services.provider_visits import TRY_AGAIN_AFTER, problem_of

DENIALS = frozenset({"access_denied", "user_denied", "user_cancelled_login", "user_cancelled_authorize"})
PASSING = frozenset({"server_error", "temporarily_unavailable"})
ERROR_WORD = re.compile(r"[a-z_]{1,40}")


def new_grant(trip: Trip, params: Mapping[str, str], *, now: datetime) -> NewGrant:
    """What the consent gave; raises the Problem that tells its person why it gave nothing."""
    try:
        return _new_grant(trip, params, now)
    except OAuthFailed as failed:
        attempts.refuse(trip, failed.verdict.reason, now=now)
        raise problem_of(failed) from failed
    except ConsentDenied:
        attempts.deny(trip, now=now)
        raise
    except Problem as problem:
        attempts.refuse(trip, problem.detail or problem.title, now=now)
        raise


def _new_grant(trip: Trip, params: Mapping[str, str], now: datetime) -> NewGrant:
    provider, app = offers.offered_to(trip)
    issuer, is_required = oauth.expected_callback_issuer(provider, app)
    oauth.check_callback(params, expected_issuer=issuer, iss_required=is_required)
    _raise_if_refused(params.get("error"))
    code = params.get("code")
    if not code:
        raise ConsentAttemptInvalid("The provider's answer holds neither a consent nor a reason.")
    answer = oauth.exchange_code(
        provider,
        app,
        code=code,
        redirect_uri=offers.redirect_uri(provider.id),
        code_verifier=trip.code_verifier.reveal(),
        now=now,
    )
    if answer.scopes is None:
        answer = replace(answer, scopes=oauth.scopes_granted(provider, params))
    return _identified(provider, app, answer, trip, now)


def _raise_if_refused(error: str | None) -> None:
    if error is None:
        return
    if error in DENIALS:
        raise ConsentDenied
    if error in PASSING:
        raise ProviderUnavailable(TRY_AGAIN_AFTER)
    word = error if ERROR_WORD.fullmatch(error) else "an unknown one"
    raise ProviderRefused(f"The reason it gave is {word}.")


def _identified(provider: Provider, app: ProviderApp, answer: TokenAnswer, trip: Trip, now: datetime) -> NewGrant:
    app = app.having(variables_kept(provider, answer.extra))
    identity = oauth.identify(provider, app, answer, nonce=trip.nonce, now=now)
    scopes = frozenset(provider.authorize.scope.default) if answer.scopes is None else answer.scopes
    refresh_ends_at, refresh_source = _refresh_end(provider, app, answer, now)
    new = NewGrant(
        subject=identity.subject,
        label=offers.login_label(identity),
        scopes=scopes,
        accounts=(),
        token_type=answer.token_type,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        issued_at=now,
        access_expires_at=answer.expires_at,
        refresh_expires_at=refresh_ends_at,
        access_source=DateSource.RESPONSE if answer.is_expiry_stated else DateSource.CATALOG,
        refresh_source=refresh_source,
        extra=kept_of(provider, {**answer.extra, **identity.secondary}),
    )
    return _with_accounts(provider, app, new, trip, now=now)


def _refresh_end(
    provider: Provider, app: ProviderApp, answer: TokenAnswer, now: datetime
) -> tuple[datetime | None, DateSource]:
    """What the provider says of the refresh token's end, with the tokens or when asked; None leaves it to the file."""
    if answer.is_refresh_expiry_stated:
        return answer.refresh_expires_at, DateSource.RESPONSE
    token = answer.refresh_token
    return oauth.refresh_end(provider, app, token, now=now) if token else None, DateSource.INTROSPECTION


def _with_accounts(provider: Provider, app: ProviderApp, new: NewGrant, trip: Trip, *, now: datetime) -> NewGrant:
    """The grant with what it shares: without that list nobody could tell what was lost, so nothing is accepted."""
    try:
        return replace(new, accounts=oauth.shared_accounts(provider, app, new.access_token))
    except OAuthFailed:
        leftovers.drop(trip, new, now=now)
        raise
