"""Tokens that must not be handed out any more, although by their dates they would live: dead, or another login's.

Unlike a refresh token that is refused (`grants.give_up` alone), an access token found dead would otherwise be served
until its end, or for ever where it has none.
"""

from datetime import datetime

import structlog
from sqlalchemy import update

from portal.db import db, rows_changed, transaction
from portal.models import Connection, Grant
from portal.services import alerts, audit, grants, offers
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.token_store import StoredGrant

ANOTHER_LOGIN = "The provider says that our tokens belong to another login now."

log = structlog.get_logger(__name__)


@transaction
def dead(grant: StoredGrant, reason: str, *, now: datetime) -> bool:
    """The provider refused this access token and nothing can renew it: its member must consent again.

    False when the tokens were replaced since they were read, or the connection is not active any more.
    """
    if not grants.give_up(grant.connection_id, grant.generation, reason, now=now):
        return False
    withhold(grant, now=now)
    log.warning("needs reconsent", connection_id=str(grant.connection_id), reason=reason)
    return True


@transaction
def withhold(grant: StoredGrant, *, now: datetime) -> None:
    """Give nobody this access token any more, unless it was replaced since it was read."""
    seen = update(Grant).where(Grant.connection_id == grant.connection_id, Grant.generation == grant.generation)
    ended = seen.values(access_expires_at=now, generation=grant.generation + 1)  # a refresh under way comes too late
    rows_changed(ended.execution_options(synchronize_session=False))


@transaction
def anothers(grant: StoredGrant, *, now: datetime) -> bool:
    """The tokens are another login's: nobody gets them any more, and the admins are told. False as above."""
    if not dead(grant, ANOTHER_LOGIN, now=now):
        return False
    connection = db.session.get_one(Connection, grant.connection_id)
    audit.record(
        Asker.portal(grant.organization_id),
        EventKind.SUBJECT_CHANGED,
        now=now,
        connection_id=connection.id,
        member_id=connection.member_id,
        learned=False,
    )
    _alert(connection, grant, now)
    return True


def _alert(connection: Connection, grant: StoredGrant, now: datetime) -> None:
    provider = offers.named(connection.provider_id).name
    alerts.raise_once(
        f"subject:{connection.id}:{grant.generation}",
        connection.organization_id,
        title=f"“{connection.nickname}” at {provider} belongs to another login now",
        sentence=f"{provider} answers for another login than the one that was connected. "
        "No backend gets this connection’s tokens any more; all others work as before.",
        what_to_do="Its member has been asked to reconnect. Find out who signed in, if nobody can explain it.",
        place=f"/admin/connections/{connection.id}",
        now=now,
    )
