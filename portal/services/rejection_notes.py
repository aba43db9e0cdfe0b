"""What is remembered of the rejections that backends report: a row a connection, written by whoever comes first.

Races: any number of backends report one generation at once, in any number of processes. Each write names what it has
seen, so that one of them decides what the reports lead to, and the audit log tells of a generation once.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from portal.db import db, insert_into, reading, rows_changed, transaction
from portal.models import Connection, Rejection
from portal.rules import freshness
from portal.rules import rejections as rules
from portal.rules.problems import NotFound, ReconsentRequired
from portal.rules.rejections import Noted, Step
from portal.rules.status import HOLDING
from portal.rules.verdicts import Verdict
from portal.services import audit, refreshing, token_store
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.token_store import StoredGrant


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection as a report meets it."""

    member_id: UUID
    grant: StoredGrant
    noted: Noted | None

    @property
    def is_first(self) -> bool:
        """Whether nobody has reported this generation so far."""
        return self.noted is None or self.noted.generation != self.grant.generation


@reading
def look(asker: Asker, connection_id: UUID) -> Standing:
    """One of the organization's connections, with its tokens and what was reported of them.

    Raises NotFound for any other, ReconsentRequired for one that holds no login.
    """
    connection = db.session.get(Connection, connection_id)
    if connection is None or connection.organization_id != asker.organization_id:
        raise NotFound
    if not asker.reaches(connection.provider_id):
        raise NotFound
    grant = token_store.read(connection_id)
    if connection.state not in HOLDING or grant is None:
        raise ReconsentRequired(refreshing.why(connection.state, connection.state_reason), connection.state_since)
    return Standing(connection.member_id, grant, _noted(connection_id))


def _noted(connection_id: UUID) -> Noted | None:
    row = db.session.get(Rejection, connection_id)
    return None if row is None else Noted(row.generation, row.step, row.checks, row.rests_until)


def to_note(standing: Standing, step: Step, now: datetime) -> Noted:
    grant = standing.grant
    jitter = freshness.jitter_of(f"{grant.connection_id}:{grant.generation}")
    return rules.note(standing.noted, grant.generation, step, jitter=jitter, now=now)


@transaction
def write(asker: Asker, standing: Standing, verdict: Verdict, step: Step, *, now: datetime) -> bool:
    """Write down what a report leads to, and tell of a generation's first; False when somebody else wrote since."""
    if not _is_written(standing, asdict(to_note(standing, step, now))):
        return False
    if standing.is_first:
        grant, facts = standing.grant, {"fault": verdict.fault.value, "reason": verdict.reason}
        audit.record(
            asker,
            EventKind.GRANT_REJECTED,
            now=now,
            connection_id=grant.connection_id,
            member_id=standing.member_id,
            generation=grant.generation,
            **facts,
        )
    return True


def _is_written(standing: Standing, values: dict[str, Any]) -> bool:
    connection_id, noted = standing.grant.connection_id, standing.noted
    if noted is None:
        row = insert_into(Rejection).values(connection_id=connection_id, **values)
        unless_there = row.on_conflict_do_nothing().returning(Rejection.connection_id)
        return db.session.scalar(unless_there) is not None
    as_seen = update(Rejection).where(
        Rejection.connection_id == connection_id,
        Rejection.generation == noted.generation,
        Rejection.step == noted.step,
        Rejection.rests_until == noted.rests_until,
    )
    return rows_changed(as_seen.values(values).execution_options(synchronize_session=False)) == 1
