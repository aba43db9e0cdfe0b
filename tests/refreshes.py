"""Refreshes that somebody else has made: another process, another worker, a moment ago."""

from datetime import datetime, timedelta
from uuid import UUID

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Secret
from portal.services import refresh_means, renewals, token_store
from portal.services.renewals import Renewal


def bring(connection_id: UUID, access_token: str, *, refresh_token: str | None = "refresh-w", now: datetime) -> bool:
    """Store an hour's token over the connection's grant as it stands, as a refresh does when its answer has come."""
    grant = token_store.read(connection_id)
    assert grant is not None
    means = refresh_means.means_of(grant, now=now)
    assert means is not None
    new = None if refresh_token is None else Secret(refresh_token)
    answer = TokenAnswer(Secret(access_token), new, expires_at=now + timedelta(hours=1))
    return renewals.write(grant, Renewal(means, now, answer), now=now) is not None
