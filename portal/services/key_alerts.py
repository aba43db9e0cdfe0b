"""What admins are told about the keys of service connections: one that ends soon, one that the provider refuses.

No member is ever mailed about them: nobody can renew a key by consenting.
"""

from datetime import datetime, timedelta

from portal.db import transaction
from portal.models import Connection
from portal.rules.service_keys import WARN_DAYS, warning_due
from portal.rules.status import HOLDING
from portal.services import alerts, offers, service_keys
from portal.services.service_keys import KeyFacts

REPLACE = "Make a new key at {provider} and enter it here under “Replace the key”. The present one works until then."
FIRST_WARNING = timedelta(days=max(WARN_DAYS))


@transaction
def tell_ends(*, now: datetime) -> int:
    """Tell the admins of each key that ends within 60, 30 or 7 days, each step once; returns how many were told."""
    soon = service_keys.ending_before(now + FIRST_WARNING)
    return sum(_tell_end(connection, key, now) for connection, key in soon if connection.state in HOLDING)


def tell_refused(connection: Connection, generation: int, reason: str, *, now: datetime) -> None:
    """Tell the admins, in the transaction around us, that nothing but another key helps this connection."""
    provider = offers.named(connection.provider_id).name
    alerts.raise_once(
        f"key-refused:{connection.id}:{generation}",
        connection.organization_id,
        title=f"The key of “{connection.nickname}” at {provider} is refused",
        sentence=f"No backend gets a fresh token for it any more. {reason} All other connections work as before.",
        what_to_do=f"See at {provider} whether the key was withdrawn. Then try the key again, or replace it.",
        place=f"/admin/service-connections/{connection.id}",
        now=now,
    )


def _tell_end(connection: Connection, key: KeyFacts, now: datetime) -> int:
    days = warning_due(key.ends_at, now=now)
    if days is None or key.ends_at is None:
        return 0
    provider = offers.named(connection.provider_id).name
    day = f"{key.ends_at.day} {key.ends_at:%B %Y}"
    return alerts.raise_once(
        f"key-ends:{connection.id}:{key.ends_at:%Y-%m-%d}:{days}",
        connection.organization_id,
        title=f"The key of “{connection.nickname}” at {provider} ends on {day}",
        sentence="Everything works until then. Afterwards no backend gets a fresh token for it.",
        what_to_do=REPLACE.format(provider=provider),
        place=f"/admin/service-connections/{connection.id}",
        now=now,
    )
