"""What team owners see: the connections of their own team, which is read afresh at every look."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, select

from portal.db import db
from portal.models import Member
from portal.quick import QuickSelect
from portal.services import listing
from portal.services.asker import Asker
from portal.services.listing import Filters, ListedConnection

_TEAM = QuickSelect(
    select(Member.team).where(
        Member.id == bindparam("member_id"), Member.organization_id == bindparam("organization_id")
    )
)


@dataclass(frozen=True, slots=True)
class TeamPage:
    """One page of a team's connections; without a team there are none, and `next_cursor` is None on the last."""

    team: str | None
    rows: tuple[ListedConnection, ...] = ()
    next_cursor: str | None = None


def ending_first(asker: Asker, filters: Filters, after: str | None = None, *, now: datetime) -> TeamPage:
    """The connections of the asker's team that match, soonest consent end first, from behind the cursor `after` on.

    Whatever team the filters name, it is the asker's own that counts; that the role allows it is the guard's to say.
    """
    row = _TEAM.first(db.engine, {"member_id": asker.own_id, "organization_id": asker.organization_id})
    team = row[0] if row else None
    if not team:  # an empty filter would mean everybody's
        return TeamPage(None)
    found = listing.ending_first(asker, replace(filters, team=team), after, now=now)
    return TeamPage(team, found.rows, found.next_cursor)
