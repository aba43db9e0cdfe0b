"""Imported connections as rows: made ready in batches without a lock, and written in one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from portal.bulk import insert_ready, ready_rows, take_stock
from portal.crypto import Secret
from portal.db import NEVER, db, transaction
from portal.models import Connection, Event, Grant, Member, Probe, Reminder
from portal.models.bucket import BucketKey, move
from portal.providers.schema import Provider
from portal.rules.imported import ImportedConnection
from portal.rules.names import NICKNAME_MAX
from portal.rules.status import ConnectionState
from portal.services import audit, csv_files, grants, new_grants, probe_plans
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.import_spools import Spool
from portal.services.new_grants import NewGrant
from portal.services.policy import PolicyView
from portal.services.series import next_step

TOKEN_TYPE = "Bearer"  # noqa: S105 - the name of the scheme, RFC 6750
SOURCE = "import"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection to be made of one line."""

    id: UUID
    member_id: UUID
    provider: Provider
    line: ImportedConnection

    @property
    def nickname(self) -> str:
        return self.line.nickname or self.provider.name[:NICKNAME_MAX]


def make_ready(asker: Asker, spool: Spool, policy: PolicyView, new: Sequence[NewConnection], *, now: datetime) -> None:
    """Put these connections into the spool as an accepted consent would have left them; nothing is written yet."""
    period = timedelta(days=policy.policy_period_days) if policy.policy_period_days else None
    given = [(one, _grant(one, now)) for one in new]
    connections = [_row(asker, one, grant, period, now) for one, grant in given]
    rows = (
        (Connection, connections),
        (Grant, [_grant_row(asker, one, grant) for one, grant in given]),
        (Event, [_event(asker, row, now) for row in connections]),
        (Reminder, _reminders(connections, policy, now)),
        (Probe, probe_plans.rows_of_imported([(one.id, one.provider) for one in new], now=now)),
    )
    dialect = db.engine.dialect
    spool.put(tuple(ready_rows(dialect, model, some) for model, some in rows), map(_bucket, connections))


@transaction
def write(asker: Asker, spool: Spool, *, now: datetime) -> None:
    """Write everything that was made ready, and the audit log's line about it."""
    session = db.session()
    for number, batch in enumerate(spool, start=1):
        for rows in batch:
            insert_ready(session, rows)
        if number in csv_files.MILESTONES:
            take_stock(session, Connection, Member)
    move(session, spool.buckets)
    if count := spool.buckets.total():
        audit.record(asker, EventKind.CONNECTIONS_IMPORTED, now=now, count=count)


def _grant(one: NewConnection, now: datetime) -> NewGrant:
    """What the line gives, in the shape of a consent of this moment: when it was really given is not known."""
    line = one.line
    return NewGrant(
        subject=line.subject or "",
        label="",
        scopes=line.scopes,
        accounts=(),
        token_type=TOKEN_TYPE,
        access_token=Secret(line.access_token or ""),
        refresh_token=Secret(line.refresh_token) if line.refresh_token else None,
        issued_at=now,
        access_expires_at=_access_end(one, now),
        refresh_expires_at=None,
    )


def _access_end(one: NewConnection, now: datetime) -> datetime | None:
    """When the access token ends. Where nobody knows: now, if a refresh can tell, else what the catalog has at most."""
    if one.line.access_token is None:
        return now
    if one.line.access_expires_at is not None:
        return one.line.access_expires_at
    if one.line.refresh_token:
        return now
    length = one.provider.clocks.access_s
    return now + timedelta(seconds=length) if length else None


def _row(asker: Asker, one: NewConnection, grant: NewGrant, period: timedelta | None, now: datetime) -> Row:
    ends_at, source = one.line.consent_expires_at, SOURCE
    if ends_at is None and (deadline := new_grants.deadline(one.provider, grant, policy_period=period)):
        ends_at, source = deadline.at, grants.END_SOURCES[deadline.source]
    return {
        "id": one.id,
        "organization_id": asker.organization_id,
        "member_id": one.member_id,
        "provider_id": one.provider.id,
        "nickname": one.nickname,
        "state": ConnectionState.ACTIVE,
        "state_since": now,
        "consent_expires_at": ends_at,
        "consent_end_source": source if ends_at else None,
        "subject": one.line.subject,
        "created_at": now,
        "connected_at": now,
        "consented_at": now,
    }


def _grant_row(asker: Asker, one: NewConnection, grant: NewGrant) -> Row:
    columns = grants.columns(one.id, one.provider, grant)
    if not grant.access_token:
        columns["access_token"] = None
    keys = {"connection_id": one.id, "organization_id": asker.organization_id, "provider_id": one.provider.id}
    return columns | keys | {"generation": 1}


def _event(asker: Asker, row: Row, now: datetime) -> Row:
    return {
        "organization_id": asker.organization_id,
        "at": now,
        "kind": EventKind.CONNECTION_IMPORTED.value,
        "actor": asker.actor,
        "member_id": row["member_id"],
        "connection_id": row["id"],
        "facts": {"provider": row["provider_id"]},
    }


def _reminders(connections: Sequence[Row], policy: PolicyView, now: datetime) -> list[Row]:
    """Where each stands in its series, as `reminders.plan` would begin it; many ends are alike."""
    ending = [row for row in connections if row["consent_expires_at"] is not None]
    ends = {row["consent_expires_at"] for row in ending}
    begun = {ends_at: next_step(ends_at, policy.policy, after_step=None, now=now) for ends_at in ends}
    return [
        {
            "connection_id": row["id"],
            "organization_id": row["organization_id"],
            "member_id": row["member_id"],
            **begun[row["consent_expires_at"]],
        }
        for row in ending
    ]


def _bucket(row: Row) -> BucketKey:
    ends_at = row["consent_expires_at"] or NEVER
    return BucketKey(row["organization_id"], row["provider_id"], row["state"], ends_at.date())
