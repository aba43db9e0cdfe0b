"""Grants: the one write that replaces one, and giving one up that nothing but a human can renew."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, insert, select, update

from portal.crypto import Sealed, Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import Connection, Grant, Organization
from portal.models.grant import seal_context
from portal.providers.schema import Provider
from portal.rules import freshness
from portal.rules.comparison import Comparison, GrantFacts, SharedAccount
from portal.rules.status import ConnectionState, DateSource
from portal.services import audit, key_alerts, new_grants, offers, probe_plans, reminders
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.new_grants import NewGrant
from portal.services.races import Outrun

LONGEST_REASON = 200
END_SOURCES = {
    DateSource.RESPONSE: "response",
    DateSource.INTROSPECTION: "introspection",
    DateSource.CATALOG: "catalog",
    DateSource.ADMIN: "policy",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a connection has had so far; `generation` is None while it has no grant."""

    facts: GrantFacts | None
    generation: int | None


def standing_of(connection: Connection | None) -> Standing:
    """The grant a connection has had, to be compared with a new one; nothing for one never connected."""
    if connection is None:
        return Standing(None, None)
    row = db.session.execute(
        select(Grant.generation, Grant.scopes, Grant.accounts).where(Grant.connection_id == connection.id)
    ).first()
    if row is None and connection.subject is None:
        return Standing(None, None)
    facts = GrantFacts(
        subject=connection.subject,
        label=connection.subject_label or connection.subject or "",
        scopes=frozenset(row.scopes.split()) if row else frozenset(),
        accounts=accounts_from(row.accounts) if row else (),
    )
    return Standing(facts, row.generation if row else None)


def accounts_from(stored: list[dict[str, Any]]) -> tuple[SharedAccount, ...]:
    """Shared accounts as they are stored, as values."""
    return tuple(SharedAccount(account["id"], account["name"]) for account in stored)


def accept(
    asker: Asker, connection: Connection, new: NewGrant, comparison: Comparison, *, seen: int | None, now: datetime
) -> None:
    """Put a new grant in place of the connection's, all in one write of the transaction around us.

    Whoever else holds the login must have been displaced before. `seen` is the generation it was compared with: raises
    Outrun when the tokens were written meanwhile, and IntegrityError when somebody has just taken the login.
    """
    provider, _ = offers.offered_to(connection)
    _write_tokens(connection, provider, new, seen)
    _renew(connection, provider, new, now)
    db.session.flush()  # the unique index on held logins judges here
    reminders.plan(connection, now=now, is_fresh=True)
    probe_plans.plan(connection.id, provider, now=now)
    _tell(asker, connection, comparison, now)


@transaction
def give_up(connection_id: UUID, generation: int, reason: str, *, now: datetime) -> bool:
    """Background refreshing has stopped working for good: a human must consent again, and is told so from now on.

    False when the tokens of that generation were replaced meanwhile, or the connection is not active any more.
    """
    ended = update(Grant).where(Grant.connection_id == connection_id, Grant.generation == generation)
    values = {"refresh_due_at": None, "failing_since": None, "lease_owner": None, "lease_until": None}
    if not won(ended.values(values).execution_options(synchronize_session=False)):
        return False
    connection = db.session.get_one(Connection, connection_id, with_for_update=True)
    if connection.state is not ConnectionState.ACTIVE:
        return False
    connection.state = ConnectionState.NEEDS_RECONSENT
    connection.state_since = now
    connection.state_reason = reason[:LONGEST_REASON]
    connection.consent_expires_at = min(connection.consent_expires_at or now, now)
    db.session.flush()
    reminders.plan(connection, now=now, is_fresh=False)
    who = Asker.portal(connection.organization_id)
    kind = EventKind.CONNECTION_NEEDS_RECONSENT
    audit.record(who, kind, now=now, connection_id=connection_id, member_id=connection.member_id, reason=reason)
    if offers.is_service(connection.provider_id):
        key_alerts.tell_refused(connection, generation, reason, now=now)
    return True


def _write_tokens(connection: Connection, provider: Provider, new: NewGrant, seen: int | None) -> None:
    """The fenced write: over exactly the generation seen, or a first grant where there was none."""
    values = columns(connection.id, provider, new) | {"generation": (seen or 0) + 1}
    if seen is None:
        values |= {"connection_id": connection.id, "organization_id": connection.organization_id}
        db.session.execute(insert(Grant).values(provider_id=connection.provider_id, **values))
        return
    over_seen = update(Grant).where(Grant.connection_id == connection.id, Grant.generation == seen)
    if not won(over_seen.values(values).execution_options(synchronize_session=False)):
        raise Outrun


def columns(connection_id: UUID, provider: Provider, new: NewGrant) -> dict[str, Any]:
    """A new grant as the columns of its row, all but the keys and the generation; its tokens are sealed."""
    return {
        "scopes": " ".join(sorted(new.scopes)),
        "accounts": [asdict(account) for account in new.accounts],
        "token_type": new.token_type,
        "access_token": _sealed(connection_id, "access_token", new.access_token),
        "refresh_token": new.refresh_token and _sealed(connection_id, "refresh_token", new.refresh_token),
        "issued_at": new.issued_at,
        "access_expires_at": new.access_expires_at,
        "refresh_expires_at": new_grants.refresh_end(provider, new),
        "previous_refresh_token": None,
        "previous_until": None,
        "rotated_at": None,
        "refresh_due_at": new_grants.first_refresh_at(provider, new, jitter=freshness.jitter_of(connection_id)),
        "failures": 0,
        "failing_since": None,
        "last_fault": None,
        "last_fault_at": None,
        "lease_owner": None,
        "lease_until": None,
        "extra": dict(new.extra) or None,
    }


def _sealed(connection_id: UUID, column: str, secret: Secret) -> Sealed:
    return keyring().seal(secret, seal_context(connection_id, column))


def _renew(connection: Connection, provider: Provider, new: NewGrant, now: datetime) -> None:
    ends = new_grants.deadline(provider, new, policy_period=_policy_period(connection.organization_id))
    if connection.state is not ConnectionState.ACTIVE:
        connection.state, connection.state_since = ConnectionState.ACTIVE, now
    connection.state_reason = None
    connection.consent_expires_at = ends.at if ends else None
    connection.consent_end_source = END_SOURCES[ends.source] if ends else None
    if connection.connected_at is None or connection.subject not in (None, new.subject):
        connection.connected_at = now
    connection.subject = new.subject
    connection.subject_label = new.label
    connection.consented_at = now
    connection.displaced_by_id = None
    connection.is_revocation_outstanding = False


def _policy_period(organization_id: UUID) -> timedelta | None:
    days = db.session.scalar(select(Organization.policy_period_days).where(Organization.id == organization_id))
    return timedelta(days=days) if days else None


def _tell(asker: Asker, connection: Connection, comparison: Comparison, now: datetime) -> None:
    kind = EventKind.CONNECTION_CONNECTED if comparison.is_first else EventKind.CONNECTION_RECONNECTED
    first: tuple[EventKind, dict[str, object]] = (kind, {"login": connection.subject_label})
    for happened, facts in (first, *_changes(comparison)):
        audit.record(asker, happened, now=now, connection_id=connection.id, member_id=connection.member_id, **facts)


def _changes(comparison: Comparison) -> Iterator[tuple[EventKind, dict[str, object]]]:
    """What is different from before, as events of their own: backends act on these."""
    if comparison.is_first:
        return
    if not comparison.is_same_subject or comparison.learned_subject:
        yield EventKind.SUBJECT_CHANGED, {"learned": comparison.learned_subject}
    lost = comparison.required_lost | comparison.optional_lost
    if lost or comparison.gained:
        yield EventKind.SCOPES_CHANGED, {"lost": sorted(lost), "gained": sorted(comparison.gained)}
    if comparison.accounts_lost or comparison.accounts_new:
        lost_names = [account.name for account in comparison.accounts_lost]
        yield EventKind.ACCOUNTS_CHANGED, {"lost": lost_names, "gained": [one.name for one in comparison.accounts_new]}


def won(statement: Any) -> bool:
    """Whether a conditional UPDATE of one row found it as it was seen."""
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount == 1
