"""The statements behind the list: one for each combination of filters, written once and read on the driver."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    exists,
    select,
    tuple_,
)

from portal.db import MomentOrNever
from portal.models import Connection, Grant, Member, Reminder
from portal.quick import QuickSelect
from portal.rules.status import ConnectionState, Status

Named = TypeVar("Named")

FEW_PEOPLE = 200  # so many are looked up one by one; more are met soon enough when walking by date
PLACES = (1, 10, 50, FEW_PEOPLE)  # for ids of people in a statement: a few sizes, each of them written once

COLUMNS = (
    Connection.id,
    Connection.provider_id,
    Connection.nickname,
    Connection.subject,
    Connection.subject_label,
    Connection.state,
    Connection.consent_expires_at,
    Member.name,
    Member.email,
    Member.team,
    Member.deactivated_at,
    Reminder.last_sent_at,
    Reminder.next_at,
)
GRANT_COLUMNS = (
    Grant.access_expires_at,
    Grant.scopes,
    Grant.accounts,
    Grant.generation,
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which conditions a list has, whatever their values.

    `places` is how many people's ids it names (0: anybody's), `providers` how many an API key is limited to (0: none).
    `has_grants`: what the consents gave is read as well, which costs a third more.
    """

    status: Status | None = None
    has_provider: bool = False
    has_end: bool = False
    has_cursor: bool = False
    places: int = 0
    providers: int = 0
    has_grants: bool = False


def places_for(ids: Sequence[Named]) -> int:
    """How many places a statement needs that names these people, or providers."""
    return next(size for size in (0, *PLACES) if len(ids) <= size)


def placed(name: str, ids: Sequence[Named]) -> dict[str, Named]:
    """The ids in their places, the last one in all that are left over."""
    return {f"{name}_{place}": ids[min(place, len(ids) - 1)] for place in range(places_for(ids))}


@cache
def of_shape(shape: Shape) -> QuickSelect:
    """A page: `organization_id`, `limit`, and as the shape has it `provider_id`, `ends_before`, `ends_at` with `id`.

    Further `now` and `window_ends` for a status, `person_0`, `person_1` ... for people, and `only_0` ... for providers.
    """
    return _page(shape, _matching(shape))


def of_many(shape: Shape, people: list[ColumnElement[bool]]) -> QuickSelect:
    """The same for so many people that conditions tell them."""
    theirs = exists().where(Member.id == Connection.member_id, *people)
    return _page(shape, _matching(shape).where(theirs))


@cache
def of_one() -> QuickSelect:
    """One connection: `organization_id` and `id`."""
    own = Connection.organization_id == bindparam("organization_id")
    return QuickSelect(_rows(has_grants=True).where(own, Connection.id == bindparam("id")))


def _page(shape: Shape, wanted: Select[Any]) -> QuickSelect:
    """The page's keys are found first, and joined with the rest afterwards."""
    ordered = wanted.order_by(Connection.consent_expires_at, Connection.id)
    keys = ordered.limit(bindparam("limit", type_=Integer)).subquery()
    rows = _rows(has_grants=shape.has_grants).join(keys, keys.c.id == Connection.id)
    return QuickSelect(rows.order_by(Connection.consent_expires_at, Connection.id))


def _rows(*, has_grants: bool) -> Select[Any]:
    columns: tuple[Any, ...] = (*COLUMNS, *GRANT_COLUMNS) if has_grants else COLUMNS
    rows: Select[Any] = (
        select(*columns)
        .join_from(Connection, Member, Member.id == Connection.member_id)
        .outerjoin(Reminder, Reminder.connection_id == Connection.id)
    )
    return rows.outerjoin(Grant, Grant.connection_id == Connection.id) if has_grants else rows


def _matching(shape: Shape) -> Select[Any]:
    wanted = select(Connection.id).where(Connection.organization_id == bindparam("organization_id"))
    if shape.status:
        wanted = wanted.where(_in_status(shape.status))
    if shape.has_provider:
        wanted = wanted.where(Connection.provider_id == bindparam("provider_id"))
    if shape.providers:
        only = [bindparam(f"only_{place}", type_=String) for place in range(shape.providers)]
        wanted = wanted.where(Connection.provider_id.in_(only))
    if shape.has_end:
        wanted = wanted.where(Connection.consent_expires_at < bindparam("ends_before"))
    if shape.places:
        people = [bindparam(f"person_{place}", type_=Uuid) for place in range(shape.places)]
        wanted = wanted.where(Connection.member_id.in_(people))
    if shape.has_cursor:
        position = tuple_(bindparam("ends_at", type_=MomentOrNever), bindparam("id", type_=Uuid))
        wanted = wanted.where(tuple_(Connection.consent_expires_at, Connection.id) > position)
    return wanted


def _in_status(status: Status) -> ColumnElement[bool]:
    """The condition behind a status word, as `rules.status.status_of` has it."""
    ends_at = Connection.consent_expires_at
    now: BindParameter[Any] = bindparam("now")
    window_ends: BindParameter[Any] = bindparam("window_ends")
    spans = {
        Status.ACTIVE: ends_at > window_ends,
        Status.ENDING: and_(ends_at > now, ends_at <= window_ends),
        Status.ENDED: ends_at <= now,
    }
    if status in spans:
        return and_(Connection.state == ConnectionState.ACTIVE, spans[status])
    return Connection.state == ConnectionState(status.value)
