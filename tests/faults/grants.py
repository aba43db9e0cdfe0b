"""Connections as consents at the demo's provider have left them, with tokens that are really its own."""

from datetime import datetime, timedelta
from uuid import UUID

from portal.crypto import Secret
from portal.services import offers
from portal.services.new_grants import NewGrant
from portal.services.reconsent import Finished
from tests import consents
from tests.demo_provider import DemoProvider
from tests.factories import Person


def connect(provider: DemoProvider, who: Person, sub: str, *, ends_in: timedelta, now: datetime) -> UUID:
    """A consent given now whose end, and nothing before it, needs a human again."""
    finished = consent(provider, who, sub, ends_in=ends_in, now=now)
    assert finished.connection_id is not None
    return finished.connection_id


def consent(
    provider: DemoProvider,
    who: Person,
    sub: str,
    *,
    ends_in: timedelta,
    now: datetime,
    connection_id: UUID | None = None,
) -> Finished:
    """Somebody comes back from the provider with a new grant of this login, given a second ago."""
    new = grant(provider, sub, ends_in=ends_in, now=now)
    asker = consents.signed_in(who, now=now)
    return consents.come_back(asker, new, connection_id=connection_id, nickname=sub, began_at=now, now=now)


def grant(provider: DemoProvider, sub: str, *, ends_in: timedelta, now: datetime) -> NewGrant:
    """What the provider's own ledger calls a grant."""
    offered, _ = offers.offered("demo-social")
    provider.control("social/logins", sub=sub, label=sub, name=sub, email=f"{sub}@example.com")
    wanted = {
        "sub": sub,
        "scopes": offered.authorize.scope.default,
        "consented_at": now.isoformat(),
        "consent_lifetime_s": int(ends_in.total_seconds()),
    }
    given = provider.control("social/grants", grants=[wanted])["grants"][0]
    return NewGrant(
        subject=sub,
        label=sub,
        scopes=frozenset(given["scope"].split()),
        accounts=(),
        token_type="Bearer",
        access_token=Secret(given["access_token"]),
        refresh_token=Secret(given["refresh_token"]),
        issued_at=now,
        access_expires_at=datetime.fromisoformat(given["access_expires_at"]),
        refresh_expires_at=now + ends_in,
    )
