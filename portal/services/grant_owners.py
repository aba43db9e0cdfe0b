"""Whose tokens a refresh has brought, where its answer proves it: another login's are written, and given to nobody."""

from datetime import datetime, timedelta

import structlog

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed
from portal.providers.words import BearerSource, IdentitySource
from portal.rules.failing import UNPROVED
from portal.rules.problems import IdentityUnverified, ProviderUnavailable, ReconsentRequired
from portal.services import condemning, token_store
from portal.services.renewals import Renewal
from portal.services.token_store import StoredGrant

ASK_AGAIN = timedelta(minutes=1)

log = structlog.get_logger(__name__)


def check(grant: StoredGrant, renewal: Renewal, *, now: datetime) -> None:
    """Compare the ID token of a refresh, if one came, with the login that was connected; `grant` holds the new tokens.

    Another login raises ReconsentRequired. An ID token that proves nothing is logged and no more (OpenID Connect Core
    section 12.2 leaves them out of refreshes), unless it is what data calls show: then ProviderUnavailable.
    """
    provider, answer = renewal.provider, renewal.answer
    if provider.identity.source is not IdentitySource.ID_TOKEN or grant.subject is None or answer.id_token is None:
        return
    try:
        subject = oauth.subject_of(provider, renewal.means.app, answer, now=now)
    except (IdentityUnverified, OAuthFailed) as unproved:
        log.warning("an ID token proves nothing", connection_id=str(grant.connection_id), reason=str(unproved))
        if provider.api.bearer is BearerSource.ID_TOKEN:
            token_store.withhold(grant, UNPROVED, until=now + ASK_AGAIN, now=now)
            raise ProviderUnavailable(ASK_AGAIN) from unproved
        return
    if subject != grant.subject:
        condemning.anothers(grant, now=now)
        raise ReconsentRequired(condemning.ANOTHER_LOGIN, now)
