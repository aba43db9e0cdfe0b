"""Who holds a provider login, and what becomes of them when somebody else takes it.

One login is held by one connection at a time, across all organizations: this is the one place where a service looks
beyond the asker's own. What it finds abroad is told as `foreign` and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from portal.crypto import digest
from portal.db import db
from portal.models import Connection, Grant, Member
from portal.models.connection import HOLDS_LOGIN
from portal.models.email import EmailKind
from portal.rules.comparison import NOBODY, Holder, HolderKind
from portal.rules.status import ConnectionState
from portal.services import audit, emails, probe_plans, reminders, service_keys
from portal.services.asker import Asker
from portal.services.audit import EventKind


@dataclass(frozen=True, slots=True)
class Claim:
    """A login somebody claims, and the connection they claim it for (None: one that does not exist yet)."""

    provider_id: str
    subject: str
    connection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """The rows that a claim is about."""

    own: Connection | None
    holder: Connection | None


def look_up(asker: Asker, claim: Claim, *, is_locking: bool) -> Claimed:
    """The asker's own connection and whoever else holds the login; `own` is None when it is not the asker's.

    Locked, in one order so that claims do not block each other for good, until the transaction around us ends.
    """
    holding = and_(
        Connection.provider_id == claim.provider_id,
        Connection.subject == claim.subject,
        HOLDS_LOGIN,  # in the very words of the partial index, which parameters would hide from the database
    )
    wanted = select(Connection).where(or_(Connection.id == claim.connection_id, holding)).order_by(Connection.id)
    if is_locking:
        _queue_up(claim)
        wanted = wanted.with_for_update()
    rows = db.session.scalars(wanted).all()
    own = next((row for row in rows if row.id == claim.connection_id and _is_own(asker, row)), None)
    return Claimed(own, next((row for row in rows if row.id != claim.connection_id), None))


def _queue_up(claim: Claim) -> None:
    """Wait until nobody else decides about this login.

    Waiting for the holder's row would not do: once it is free its holder has been displaced, and the next one, who is
    not in our snapshot, would be met by the unique index only. SQLite has one writer at a time anyway.
    """
    if db.session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(digest(f"{claim.provider_id}:{claim.subject}")[:8], signed=True)
        db.session.execute(select(func.pg_advisory_xact_lock(key)))


def described(asker: Asker, holder: Connection | None) -> Holder:
    """The holder as the asker may know it: by nickname their own, by name a colleague, of strangers nothing at all."""
    if holder is None:
        return NOBODY
    if _is_own(asker, holder):
        return Holder(HolderKind.OWN, holder.id, nickname=holder.nickname)
    if holder.organization_id == asker.organization_id:
        return Holder(HolderKind.COLLEAGUE, holder.id, member_name=_name(holder.member_id))
    return Holder(HolderKind.FOREIGN, holder.id)


def displace(asker: Asker, holder: Connection, by: Connection, *, now: datetime) -> None:
    """End the holder's link in the transaction around us, and tell its member once unless they did it themselves.

    Its tokens are forgotten, not revoked: they are of the same login, and revoking could end the new grant too.
    """
    holder.state = ConnectionState.DISPLACED
    holder.state_since = now
    holder.state_reason = None
    holder.consent_expires_at = None
    holder.consent_end_source = None
    holder.displaced_by_id = by.id
    forget_tokens(holder.id)
    db.session.flush()  # lets go of the login before its next holder is written
    reminders.plan(holder, now=now, is_fresh=False)
    is_same_member = holder.member_id == by.member_id
    if not is_same_member:
        _tell(asker, holder, now)
    told = {"told": not is_same_member, "by_colleague": holder.organization_id == asker.organization_id}
    who = asker if told["by_colleague"] else Asker.portal(holder.organization_id)
    audit.record(
        who, EventKind.CONNECTION_DISPLACED, now=now, connection_id=holder.id, member_id=holder.member_id, **told
    )


def forget_tokens(connection_id: UUID) -> None:
    """Wipe a connection's tokens, and the key they were had with; scopes and accounts stay to be compared with."""
    service_keys.wipe(connection_id)
    wiped = update(Grant).where(Grant.connection_id == connection_id)
    values = {
        "generation": Grant.generation + 1,  # whoever is refreshing it right now comes too late
        "access_token": None,
        "refresh_token": None,
        "previous_refresh_token": None,
        "previous_until": None,
        "refresh_due_at": None,
        "failing_since": None,
        "lease_owner": None,
        "lease_until": None,
    }
    db.session.execute(wiped.values(values).execution_options(synchronize_session=False))
    probe_plans.forget(connection_id)


def _tell(asker: Asker, holder: Connection, now: datetime) -> None:
    is_colleague = holder.organization_id == asker.organization_id
    emails.queue(
        holder.organization_id,
        holder.member_id,
        EmailKind.DISPLACED,
        now=now,
        connection_id=holder.id,
        place=f"/connections/{holder.id}",
        detail={"by": _name(asker.own_id)} if is_colleague else {},
    )


def _is_own(asker: Asker, connection: Connection) -> bool:
    return connection.organization_id == asker.organization_id and connection.member_id == asker.member_id


def _name(member_id: UUID) -> str:
    return db.session.scalars(select(Member.name).where(Member.id == member_id)).one()
