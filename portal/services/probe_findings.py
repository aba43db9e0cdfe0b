"""What a probe finds out about tokens that live: a subject nobody knew, other shared accounts, a refused new token."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from portal.db import db, rows_changed, transaction
from portal.models import Connection, Grant
from portal.rules.comparison import SharedAccount
from portal.services import alerts, audit, grants, offers, token_store
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.token_store import StoredGrant

log = structlog.get_logger(__name__)


def learn_subject(connection_id: UUID, subject: str, *, now: datetime) -> bool:
    """Note whose login an imported connection is; False where another connection holds that login already."""
    try:
        return _learn(connection_id, subject, now)
    except IntegrityError:  # the unique index on held logins
        log.warning("an imported connection's login is held by another", connection_id=str(connection_id))
        return False


@transaction
def _learn(connection_id: UUID, subject: str, now: datetime) -> bool:
    connection = db.session.get_one(Connection, connection_id, with_for_update=True)
    if connection.subject is not None:
        return False
    connection.subject = subject
    db.session.flush()
    _record(connection, EventKind.SUBJECT_CHANGED, now, learned=True)
    return True


@transaction
def note_accounts(grant: StoredGrant, accounts: tuple[SharedAccount, ...], *, is_first: bool, now: datetime) -> bool:
    """Store what the login shares now, and tell what has changed; False when nothing has.

    Nothing is told by the first look at a connection of which no accounts are known, an imported one.
    """
    own = (Grant.connection_id == grant.connection_id, Grant.generation == grant.generation)
    stored = db.session.scalar(select(Grant.accounts).where(*own))
    before = grants.accounts_from(stored or [])
    if stored is None or set(before) == set(accounts):
        return False
    noting = update(Grant).where(*own).values(accounts=[asdict(one) for one in accounts])
    rows_changed(noting.execution_options(synchronize_session=False))
    lost, gained = _names_missing(before, accounts), _names_missing(accounts, before)
    if (lost or gained) and (before or not is_first):
        connection = db.session.get_one(Connection, grant.connection_id)
        _record(connection, EventKind.ACCOUNTS_CHANGED, now, lost=lost, gained=gained)
    return True


@transaction
def clear_fault(grant: StoredGrant) -> None:
    """A token that nothing refreshes was refused, and is taken again."""
    token_store.overwrite(grant, {"last_fault": None})


@transaction
def tell_refused(grant: StoredGrant, *, now: datetime) -> None:
    """Tell the admins, once a consent, that the provider refuses even a token it has just given."""
    connection = db.session.get_one(Connection, grant.connection_id)
    provider = offers.named(connection.provider_id).name
    alerts.raise_once(
        f"refused:{connection.id}:{connection.consented_at}",
        connection.organization_id,
        title=f"{provider} refuses the tokens of “{connection.nickname}”",
        sentence=f"{provider} refreshes this connection’s tokens, and yet refuses the new ones when they are used.",
        what_to_do=f"Ask its member whether the login is restricted at {provider}; reconnecting may help.",
        place=f"/admin/connections/{connection.id}",
        now=now,
    )


def _names_missing(these: Iterable[SharedAccount], among: Iterable[SharedAccount]) -> list[str]:
    known = {account.id for account in among}
    return [account.name for account in these if account.id not in known]


def _record(connection: Connection, kind: EventKind, now: datetime, **facts: object) -> None:
    asker = Asker.portal(connection.organization_id)
    audit.record(asker, kind, now=now, connection_id=connection.id, member_id=connection.member_id, **facts)
