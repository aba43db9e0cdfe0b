"""One login, one link: many claims at once, and what is left when they are over."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import db, reading
from portal.models import Connection
from portal.rules.comparison import Choice
from portal.rules.problems import PendingGrantGone
from portal.rules.status import HOLDING, ConnectionState
from portal.services import decisions, overview
from portal.services.asker import Asker
from tests.consents import come_back, connected, displaced_mails, event_kinds, new_grant, pending, signed_in, stored
from tests.factories import NOON, World, make_member

pytestmark = pytest.mark.both_databases
PEOPLE = 20
T = TypeVar("T")


def all_at_once(app: Flask, acts: list[Callable[[], T]]) -> list[T]:
    """The results of all, begun at the same moment in threads of their own."""
    start = Barrier(len(acts))

    def run(act: Callable[[], T]) -> T:
        with app.app_context():
            start.wait()
            return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [one.result() for one in [pool.submit(run, act) for act in acts]]


def claim_until_held(asker: Asker) -> UUID:
    """Somebody who wants the login whatever the review says, and reads it again whenever it has changed."""
    finished = come_back(asker, new_grant("business"))
    while finished.pending_id is not None:
        review = decisions.review(asker, finished.pending_id, now=NOON)
        choice = Choice.REPLACE if Choice.REPLACE in review.choices else Choice.RENEW_OTHER
        decided = decisions.decide(asker, review.pending_id, choice, seen=review.seen, now=NOON)
        if not decided.is_outdated:
            assert decided.connection_id is not None
            return decided.connection_id
    assert finished.connection_id is not None
    return finished.connection_id


def test_a_login_claimed_by_twenty_people_at_once_is_accepted_for_one_and_parked_for_the_others(
    context: Flask, world: World
) -> None:
    askers = crowd(world)
    results = all_at_once(context, [lambda one=one: come_back(one, new_grant("business")) for one in askers])
    assert len([one for one in results if one.pending_id is None]) == 1
    assert holders() == 1
    assert displaced_mails() == []


def test_when_all_twenty_insist_one_holds_it_and_each_displaced_person_is_told_once(
    context: Flask, world: World
) -> None:
    askers = crowd(world)
    made = all_at_once(context, [lambda one=one: claim_until_held(one) for one in askers])
    assert holders() == 1
    states = [stored(connection_id).connection.state for connection_id in set(made)]
    assert states.count(ConnectionState.ACTIVE) == 1
    assert states.count(ConnectionState.DISPLACED) == PEOPLE - 1
    told = [mail.connection_id for mail in displaced_mails()]
    assert len(told) == PEOPLE - 1
    assert len(set(told)) == PEOPLE - 1
    assert all(stored(one).access_token is None for one in told if one is not None)


def test_the_counts_of_the_dashboard_stay_true_through_the_race(context: Flask, world: World) -> None:
    made = all_at_once(context, [lambda one=one: claim_until_held(one) for one in crowd(world)])
    counts = overview.of_organization(world.chloe.asker, now=NOON).counts
    assert counts["displaced"] == len(set(made)) - 1
    assert counts["active"] == 1


def test_the_same_button_pressed_ten_times_at_once_decides_once(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    assert pending_id is not None
    seen = decisions.review(ana, pending_id, now=NOON).seen

    def press() -> bool:
        try:
            return not decisions.decide(ana, pending_id, Choice.KEEP_BOTH, seen=seen, now=NOON).is_outdated
        except PendingGrantGone:
            return False

    assert all_at_once(context, [press] * 10).count(True) == 1
    assert event_kinds().count("connection:connected") == 2
    assert pending(pending_id).decision == "keep_both"


def test_two_tabs_coming_back_at_once_leave_one_good_grant(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    results = all_at_once(
        context, [lambda: come_back(ana, new_grant("business"), connection_id=connection_id) for _ in range(6)]
    )
    assert all(one.pending_id is None for one in results)
    grant = stored(connection_id).grant
    assert grant is not None
    assert grant.generation == 7


def test_two_people_who_take_each_others_login_do_not_block_each_other(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    anas, bens = connected(ana, new_grant("anas-login")), connected(ben, new_grant("bens-login"))

    def take(asker: Asker, subject: str, connection_id: UUID) -> None:
        finished = come_back(asker, new_grant(subject), connection_id=connection_id)
        while finished.pending_id is not None:
            review = decisions.review(asker, finished.pending_id, now=NOON)
            if not decisions.decide(asker, review.pending_id, Choice.REPLACE, seen=review.seen, now=NOON).is_outdated:
                return

    all_at_once(context, [lambda: take(ana, "bens-login", anas), lambda: take(ben, "anas-login", bens)])
    assert {stored(anas).connection.state, stored(bens).connection.state} <= {
        ConnectionState.ACTIVE,
        ConnectionState.DISPLACED,
    }


def crowd(world: World) -> list[Asker]:
    people = [make_member(world.acme, f"Person {n}", f"person{n}@acme.example") for n in range(PEOPLE)]
    return [signed_in(person) for person in people]


@reading
def holders() -> int:
    held = select(func.count()).where(Connection.subject == "business", Connection.state.in_(HOLDING))
    return db.session.scalars(held).one()
