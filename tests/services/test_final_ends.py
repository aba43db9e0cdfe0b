"""An end of refresh tokens that nothing moves, and of which no member is reminded, is told to the admins."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from portal.db import db, transaction
from portal.models import Connection, Grant
from portal.rules.status import ConnectionState
from portal.services import final_ends
from tests.factories import NOON, Person, World, make_connection
from tests.outbox import outbox

pytestmark = pytest.mark.both_databases

DAY = timedelta(days=1)
WEEK = 7 * DAY
APPS = ("GOOGLE", "TIKTOK", "X", "HUBSPOT")


@pytest.fixture
def here(environ: dict[str, str], make_app: Any, world: World) -> Iterator[World]:
    words = {f"PORTAL_PROVIDER_{app}_CLIENT_{word}": "x" for app in APPS for word in ("ID", "SECRET")}
    with make_app(environ | words).app_context():
        yield world


@transaction
def ending(
    owner: Person,
    provider_id: str = "google",
    *,
    ends_in: timedelta = WEEK,
    consent: timedelta | None = None,
    **more: Any,
) -> UUID:
    """A connection whose refresh token ends then; `more` are other columns of its grant."""
    connection_id = make_connection(owner, provider_id=provider_id, consent_ends_in=consent)
    changed = update(Grant).where(Grant.connection_id == connection_id)
    db.session.execute(changed.values(refresh_expires_at=NOON + ends_in, **more))
    return connection_id


def tell(after: timedelta = timedelta(0)) -> int:
    return final_ends.tell(now=NOON + after)


def test_an_app_in_testing_is_told_to_the_admins_with_what_to_do(here: World) -> None:
    ending(here.ana)
    ending(here.ben, ends_in=6 * DAY)
    assert tell() == 1
    (email,) = outbox()
    assert email.member_id == here.chloe.id
    assert email.detail["title"] == "Google / YouTube: 2 connections will stop within 7 days"
    assert "the first in 6 days (" in email.detail["sentence"]
    assert "in testing" in email.detail["what_to_do"]


def test_it_is_told_once_a_week_while_it_goes_on(here: World) -> None:
    ending(here.ana, ends_in=7 * DAY)
    assert [tell(), tell(DAY)] == [1, 0]
    ending(here.ana, ends_in=14 * DAY)
    assert [tell(WEEK), tell(WEEK + DAY), tell(15 * DAY)] == [1, 0, 0]


def test_each_organization_hears_of_its_own(here: World) -> None:
    ending(here.eve)
    tell()
    assert {email.organization_id for email in outbox()} == {here.eve.organization_id}


@pytest.mark.parametrize("ends_in", [timedelta(0), -DAY, WEEK + timedelta(minutes=1)])
def test_what_is_over_or_far_away_is_not_told(here: World, ends_in: timedelta) -> None:
    ending(here.ana, ends_in=ends_in)
    assert tell() == 0


def test_an_end_of_which_its_member_is_reminded_is_not_told(here: World) -> None:
    ending(here.ana, "tiktok", consent=WEEK)
    ending(here.ana, "google", consent=5 * DAY)  # by the organization's own period
    assert tell() == 0


def test_a_reminder_that_would_come_too_late_counts_for_nothing(here: World) -> None:
    ending(here.ana, consent=60 * DAY)
    assert tell() == 1


@pytest.mark.parametrize(
    ("provider_id", "grant", "told"),
    [
        ("x", {"issued_at": NOON + timedelta(minutes=30)}, 0),  # each refresh brings another token, by its file
        ("hubspot", {}, 0),  # the first refresh has not shown yet whether it does
        ("hubspot", {"issued_at": NOON + timedelta(minutes=30)}, 1),
        ("hubspot", {"issued_at": NOON + timedelta(minutes=30), "rotated_at": NOON + timedelta(minutes=30)}, 0),
    ],
)
def test_only_an_end_that_no_refresh_moves_is_told(
    here: World, provider_id: str, grant: dict[str, object], told: int
) -> None:
    ending(here.ana, provider_id, **grant)
    assert tell(timedelta(hours=1)) == told


def test_what_needs_its_member_anyway_is_not_told(here: World) -> None:
    connection_id = ending(here.ana)
    set_state(connection_id)
    assert tell() == 0


@transaction
def set_state(connection_id: UUID) -> None:
    db.session.get_one(Connection, connection_id).state = ConnectionState.NEEDS_RECONSENT
