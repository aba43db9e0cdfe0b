"""Decisions nobody makes, and what is kept to be ended at the provider."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.exc import NoResultFound

from portal.rules.comparison import Choice
from portal.rules.problems import PendingGrantGone
from portal.services import connections, decisions, housekeeping, reconsent
from tests.consents import come_back, connected, event_kinds, new_grant, outstanding, pending, signed_in, stored
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases
QUARTER = timedelta(minutes=15)


def test_after_fifteen_minutes_there_is_nothing_left_to_decide(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    assert pending_id is not None
    seen = decisions.review(ana, pending_id, now=NOON + QUARTER - timedelta(seconds=1)).seen
    with pytest.raises(PendingGrantGone):
        decisions.review(ana, pending_id, now=NOON + QUARTER)
    with pytest.raises(PendingGrantGone):
        decisions.decide(ana, pending_id, Choice.REPLACE, seen=seen, now=NOON + QUARTER)
    assert stored(connection_id).connection.subject == "business"


def test_the_tick_forgets_them_once_and_says_so(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    assert pending_id is not None
    assert reconsent.forget_expired(now=NOON + QUARTER - timedelta(seconds=1)) == 0
    assert reconsent.forget_expired(now=NOON + QUARTER) == 1
    assert reconsent.forget_expired(now=NOON + QUARTER) == 0
    assert pending(pending_id).decision == "forgotten"
    assert event_kinds(connection_id).count("grant:forgotten") == 1


def test_a_forgotten_grant_of_a_login_that_is_in_use_is_never_revoked(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    before = stored(connection_id).access_token
    smaller = new_grant("business", scopes=frozenset({"openid"}))
    pending_id = come_back(ana, smaller, connection_id=connection_id).pending_id
    assert pending_id is not None
    reconsent.forget_expired(now=NOON + QUARTER)
    connections.finish_revocations(now=NOON + QUARTER)
    assert outstanding() == 0
    assert pending(pending_id).access_token is None
    assert "grant:revoked" not in event_kinds(connection_id)
    assert stored(connection_id).access_token == before


def test_a_grant_whose_login_waits_in_another_tab_is_not_revoked(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    first = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    second = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    assert first is not None
    assert second is not None
    decisions.decide(ana, first, Choice.CANCEL, now=NOON)
    assert outstanding() == 0
    assert pending(second).access_token is not None


def test_what_the_provider_did_not_confirm_is_tried_again_and_forgotten_after_a_week(
    context: Flask, world: World
) -> None:
    ana = signed_in(world.ana)
    pending_id = come_back(ana, new_grant("personal"), connection_id=connected(ana, new_grant("business"))).pending_id
    assert pending_id is not None
    decisions.decide(ana, pending_id, Choice.CANCEL, now=NOON)
    connections.finish_revocations(now=NOON + timedelta(days=6))
    assert outstanding() == 1
    connections.finish_revocations(now=NOON + timedelta(days=7))
    assert outstanding() == 0
    assert pending(pending_id).access_token is None


def test_settled_decisions_are_cleared_away_after_a_month(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id
    assert pending_id is not None
    seen = decisions.review(ana, pending_id, now=NOON).seen
    decisions.decide(ana, pending_id, Choice.KEEP_BOTH, seen=seen, now=NOON)
    housekeeping.forget_old(now=NOON + timedelta(days=29))
    assert pending(pending_id).decision == "keep_both"
    housekeeping.forget_old(now=NOON + timedelta(days=31))
    with pytest.raises(NoResultFound):
        pending(pending_id)
