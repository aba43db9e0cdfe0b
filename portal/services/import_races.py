"""Whether what an import was judged by still holds: a file is read for minutes, and people go on meanwhile."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from sqlalchemy import func, select

from portal.db import db, reading
from portal.models import Event
from portal.services import policy
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.policy import PolicyView

STIRRING = (  # whatever changes what a line of a file means, or whether it may be taken
    EventKind.MEMBER_DEACTIVATED,
    EventKind.CONNECTION_IMPORTED,
    EventKind.CONNECTION_CONNECTED,
    EventKind.CONNECTION_RENAMED,
    EventKind.CONNECTION_RECONNECTED,
    EventKind.CONNECTION_DISPLACED,
    EventKind.CONNECTION_DISCONNECTED,
)


@dataclass(frozen=True, slots=True)
class Standpoint:
    """How far the organization's log had come when somebody began to judge, and the policy of that moment."""

    latest_id: int
    policy: PolicyView

    @classmethod
    @reading
    def of(cls, asker: Asker) -> Self:
        """The present one."""
        latest = select(func.max(Event.id)).where(Event.organization_id == asker.organization_id)
        return cls(db.session.scalar(latest) or 0, policy.of_asker(asker))

    def still_holds(self, asker: Asker, member_ids: Set[UUID]) -> bool:
        """Whether nothing has happened since, in the transaction around us, that concerns these people.

        What the log does not tell of, a login that another organization took, the unique indexes do.
        """
        since = select(Event.member_id).where(Event.organization_id == asker.organization_id, Event.id > self.latest_id)
        stirred = db.session.scalars(since.where(Event.kind.in_(STIRRING)).distinct())
        return member_ids.isdisjoint(stirred) and policy.of_asker(asker) == self.policy
