"""Tokens that were to be ended at their provider and cannot be opened: they may live on there, so admins hear of it."""

from datetime import datetime

import structlog

from portal.crypto import SealBroken
from portal.models import Connection, PendingGrant
from portal.services import alerts, offers

log = structlog.get_logger(__name__)


def raise_for(place: Connection | PendingGrant, broken: SealBroken, *, now: datetime) -> None:
    """Tell them, in the transaction around us, once a week for each provider: a lost key shuts many at once."""
    provider = offers.named(place.provider_id).name
    log.error("tokens to be ended cannot be opened", provider=place.provider_id, id=str(place.id), reason=str(broken))
    alerts.raise_once(
        f"leftovers-shut:{place.provider_id}:{now:%G-%V}",
        place.organization_id,
        title=f"Old tokens at {provider} could not be ended",
        sentence=f"“{place.nickname}” does not use them any more, and no backend gets them. But what is stored of them "
        "cannot be opened: it was altered, or the key that it was sealed with is gone.",
        what_to_do=f"Ask whoever runs this portal to look at `portal doctor`, and end the access at {provider} itself.",
        place="/admin/connections",
        now=now,
    )
