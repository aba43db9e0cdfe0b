"""Transactions keep their word and moments keep their zone, on both databases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, StatementError

from portal.crypto import Secret
from portal.db import NEVER, after_commit, db, reading, rows_changed, transaction
from portal.extensions import keyring
from portal.models import ApiKey, Connection, Grant, Organization
from portal.models.columns import new_id
from portal.models.grant import seal_context
from tests.factories import NOON, World, make_connection, make_organization

T = TypeVar("T")

pytestmark = pytest.mark.both_databases

THREADS, TIMES = 6, 20


class Refused(Exception):
    """Raised by a test inside a transaction."""


@reading
def names() -> set[str]:
    return set(db.session.scalars(select(Organization.name)))


@transaction
def make_and_refuse(name: str) -> None:
    make_organization(name, name.lower())
    raise Refused


def test_nested_calls_share_one_transaction_and_one_fate(context: Flask) -> None:
    @transaction
    def both() -> None:
        make_organization("First", "first")
        make_and_refuse("Second")

    with pytest.raises(Refused):
        both()
    assert names() == set()


def test_what_succeeds_is_kept(context: Flask) -> None:
    make_organization("First", "first")
    assert names() == {"First"}


def test_a_look_keeps_nothing(context: Flask) -> None:
    @reading
    def look() -> None:
        db.session.add(Organization(name="Slip", slug="slip", created_at=NOON))
        db.session.flush()

    look()
    assert names() == set()


def test_a_look_may_not_call_what_writes(context: Flask) -> None:
    @reading
    def look() -> None:
        make_organization("First", "first")

    with pytest.raises(RuntimeError, match="reading"):
        look()
    assert names() == set()


def test_what_follows_a_transaction_happens_after_it_succeeded(context: Flask) -> None:
    seen: list[set[str]] = []

    @transaction
    def make() -> None:
        after_commit(lambda: seen.append(names()))
        make_organization("First", "first")
        assert not seen

    make()
    assert seen == [{"First"}]


def test_what_follows_a_transaction_never_happens_when_it_failed(context: Flask) -> None:
    seen: list[str] = []

    @transaction
    def make() -> None:
        after_commit(lambda: seen.append("rung"))
        make_and_refuse("First")

    with pytest.raises(Refused):
        make()
    make_organization("Second", "second")
    assert not seen


def test_nothing_can_follow_where_there_is_no_transaction(context: Flask) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        after_commit(lambda: None)


def test_the_database_can_be_asked_again_after_a_failure(context: Flask) -> None:
    make_organization("First", "first")
    with pytest.raises(IntegrityError):
        make_organization("Other", "first")
    assert names() == {"First"}


def test_a_complaint_of_the_database_repeats_no_values(context: Flask) -> None:
    make_organization("First", "first")
    with pytest.raises(IntegrityError) as caught:
        make_organization("canary-name", "first")
    assert "canary-name" not in str(caught.value)


def test_each_look_sees_what_others_have_written(context: Flask, app: Flask) -> None:
    assert names() == set()
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(in_context(app, lambda: make_organization("First", "first"))).result()
    assert names() == {"First"}


def test_a_change_says_how_many_rows_it_found(context: Flask) -> None:
    organization_id = make_organization("First", "first")

    @transaction
    def rename(new: str, old: str) -> int:
        renaming = update(Organization).where(Organization.id == organization_id, Organization.name == old)
        return rows_changed(renaming.values(name=new))

    assert rename("Second", "First") == 1
    assert rename("Third", "First") == 0


def test_of_many_that_claim_one_row_one_gets_it(app: Flask) -> None:
    with app.app_context():
        organization_id = make_organization("free", "free")

    @transaction
    def claim() -> int:
        mine = update(Organization).where(Organization.id == organization_id, Organization.name == "free")
        return rows_changed(mine.values(name="taken"))

    with ThreadPoolExecutor(THREADS) as pool:
        claims = [pool.submit(in_context(app, claim)) for _ in range(THREADS * 2)]
    assert sum(one.result() for one in claims) == 1


def test_changes_made_at_once_are_all_kept(app: Flask) -> None:
    with app.app_context():
        organization_id = make_organization("First", "first")

    @transaction
    def count_up() -> None:
        row = db.session.scalars(select(Organization).where(Organization.id == organization_id).with_for_update()).one()
        row.reminder_lead_days += 1

    def count_often() -> None:
        for _ in range(TIMES):
            count_up()

    with ThreadPoolExecutor(THREADS) as pool:
        for counting in [pool.submit(in_context(app, count_often)) for _ in range(THREADS)]:
            counting.result()
    with app.app_context():
        assert read(organization_id).reminder_lead_days == 14 + THREADS * TIMES


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))])
def test_a_moment_comes_back_as_the_same_moment_in_utc(zone: timezone, context: Flask) -> None:
    moment = datetime(2026, 10, 25, 2, 30, 15, 123456, tzinfo=zone)
    stored = read(make_organization("First", "first", now=moment)).created_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_a_naive_moment_is_refused(context: Flask) -> None:
    with pytest.raises((StatementError, ValueError), match="naive"):
        make_organization("First", "first", now=datetime(2026, 1, 1))  # noqa: DTZ001 - the mistake itself


def test_no_date_sorts_last_and_comes_back_as_none(context: Flask, world: World) -> None:
    ends = [timedelta(days=30), None, timedelta(days=-3)]
    first, none, last = (make_connection(world.ana, consent_ends_in=one) for one in ends)

    @reading
    def in_order() -> list[tuple[UUID, datetime | None]]:
        columns = select(Connection.id, Connection.consent_expires_at).order_by(Connection.consent_expires_at)
        return [(row.id, row.consent_expires_at) for row in db.session.execute(columns)]

    assert in_order() == [(last, NOON - timedelta(days=3)), (first, NOON + timedelta(days=30)), (none, None)]


def test_no_date_is_found_by_its_name(context: Flask, world: World) -> None:
    make_connection(world.ana)
    without_end = make_connection(world.ana, consent_ends_in=None)

    @reading
    def ending_never() -> list[UUID]:
        return list(db.session.scalars(select(Connection.id).where(Connection.consent_expires_at == NEVER)))

    assert ending_never() == [without_end]


def test_a_secret_column_holds_nothing_readable_and_gives_it_back_sealed(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, access_token="canary-token")

    @reading
    def stored() -> tuple[bytes, Secret]:
        raw = db.session.connection().exec_driver_sql("SELECT access_token FROM grants").scalar_one()
        grant = db.session.scalars(select(Grant)).one()
        assert grant.access_token is not None
        return bytes(raw), keyring().open(grant.access_token, seal_context(connection_id, "access_token"))

    raw, secret = stored()
    assert b"canary-token" not in raw
    assert secret == Secret("canary-token")


def test_a_secret_column_takes_nothing_but_sealed_values(context: Flask, world: World) -> None:
    make_connection(world.ana)

    @transaction
    def slip() -> None:
        db.session.scalars(select(Grant)).one().access_token = "plain"  # type: ignore[assignment]

    with pytest.raises((StatementError, AttributeError)):
        slip()


def test_rows_of_nobody_are_refused(context: Flask) -> None:
    @transaction
    def orphan() -> None:
        key = ApiKey(organization_id=new_id(), name="x", prefix="x", digest=b"x", created_at=NOON)
        db.session.add(key)

    with pytest.raises(IntegrityError):
        orphan()


def test_ids_grow_with_time() -> None:
    ids = [new_id() for _ in range(3)]
    assert {one.version for one in ids} == {7}
    assert [one.bytes[:6] for one in ids] == sorted(one.bytes[:6] for one in ids)


@reading
def read(organization_id: UUID) -> Organization:
    return db.session.get_one(Organization, organization_id)


def in_context(app: Flask, act: Callable[[], T]) -> Callable[[], T]:
    """The act as another thread of the same portal does it."""

    def acting() -> T:
        with app.app_context():
            return act()

    return acting
