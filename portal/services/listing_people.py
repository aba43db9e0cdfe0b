"""Which people a list is about: few are named one by one, and many are told by the conditions they meet."""

from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, String, bindparam, select

from portal.models import Member
from portal.quick import QuickSelect, Reader
from portal.services import people_search
from portal.services.asker import Asker
from portal.services.listing_queries import FEW_PEOPLE

People = tuple[UUID, ...] | None


def few(reader: Reader, asker: Asker, *, team: str | None, email: str | None, search: str | None) -> People:
    """The people meant, by the quickest way; None when they are too many to be named one by one."""
    words = search or ""
    query = _query(bool(team), bool(email), bool(search), people_search.has_index(words))
    values = {"organization_id": asker.organization_id, "team": team, "email": email, "most": FEW_PEOPLE + 1}
    searched = {"phrase": people_search.phrase_of(words), "pattern": people_search.pattern_of(words)}
    found = reader.all(query, values | searched)
    return tuple(member_id for (member_id,) in found) if len(found) <= FEW_PEOPLE else None


def conditions(asker: Asker, *, team: str | None, email: str | None, search: str | None) -> list[ColumnElement[bool]]:
    """What the people meet, as conditions on a member at hand."""
    met: list[ColumnElement[bool]] = [Member.organization_id == asker.organization_id]
    if team:
        met.append(Member.team == team)
    if email:
        met.append(Member.email == email)
    if search:
        met.append(people_search.contains(search))
    return met


@cache
def _query(has_team: bool, has_email: bool, has_search: bool, is_indexed: bool) -> QuickSelect:  # noqa: FBT001 - a cache's key
    met: list[ColumnElement[bool]] = [Member.organization_id == bindparam("organization_id")]
    if has_team:
        met.append(Member.team == bindparam("team"))
    if has_email:
        met.append(Member.email == bindparam("email"))
    if has_search and is_indexed:
        met.append(people_search.by_index(bindparam("phrase", type_=String)))
    elif has_search:
        met.append(people_search.is_like(bindparam("pattern", type_=String)))
    return QuickSelect(select(Member.id).where(*met).limit(bindparam("most", type_=Integer)))
