"""A trip to the provider may only be finished once, by who began it, where it began, in time."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from portal.crypto import random_token
from portal.db import db, reading
from portal.models import ConsentAttempt
from portal.providers.checks import STATE_LETTERS
from portal.rules.problems import (
    ConsentAttemptExpired,
    ConsentAttemptInvalid,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProviderNotConfigured,
)
from portal.services import attempts, housekeeping, reconsent
from portal.services.asker import Asker
from portal.services.attempts import Start, Ticket
from tests.consents import connected, new_grant, refusals, signed_in, stored
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases


def begun(asker: Asker, *, connection_id: UUID | None = None) -> Ticket:
    """A trip that has begun, without asking the provider where its approval page is."""
    ticket = Ticket.draw()
    attempts.store(asker, Start("demo-social", connection_id, "Press"), ticket, now=NOON)
    return ticket


def test_an_attempt_comes_back_with_what_it_was_begun_for(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    ticket = begun(ana, connection_id=connection_id)
    trip = attempts.spend(ana, "demo-social", ticket.state, now=NOON + timedelta(minutes=14, seconds=59))
    assert trip.connection_id == connection_id
    assert trip.nonce == ticket.nonce
    assert trip.code_verifier.reveal() == ticket.code_verifier


def test_a_state_is_as_long_as_files_are_checked_for() -> None:
    assert len(Ticket.draw().state) == STATE_LETTERS


def test_neither_state_nor_verifier_lies_open_in_the_database(context: Flask, world: World) -> None:
    ticket = begun(signed_in(world.ana))
    row = only_attempt()
    assert ticket.state.encode() not in row.state_digest
    assert ticket.code_verifier.encode() not in row.code_verifier.raw


def test_an_answer_counts_once(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    ticket = begun(ana)
    attempts.spend(ana, "demo-social", ticket.state, now=NOON)
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(ana, "demo-social", ticket.state, now=NOON)
    assert refusals() == ["already used"]


def test_after_fifteen_minutes_it_is_too_late(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    ticket = begun(ana)
    with pytest.raises(ConsentAttemptExpired):
        attempts.spend(ana, "demo-social", ticket.state, now=NOON + timedelta(minutes=15))
    assert refusals() == ["expired"]


@pytest.mark.parametrize("state", ["", "unknown", "x" * 5000, "🐈"])
def test_an_unknown_state_is_refused_before_anything_else(context: Flask, world: World, state: str) -> None:
    with pytest.raises(ConsentAttemptInvalid):
        reconsent.finish(
            signed_in(world.ana), "demo-social", {"state": state, "code": "c", "error": "access_denied"}, now=NOON
        )
    assert refusals() == ["unknown state"]


@pytest.mark.parametrize("who", ["ben", "chloe", "eve"])
def test_somebody_elses_browser_cannot_finish_it_and_neither_can_its_owner_then(
    context: Flask, world: World, who: str
) -> None:
    ana = signed_in(world.ana)
    ticket = begun(ana)
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(signed_in(getattr(world, who)), "demo-social", ticket.state, now=NOON)
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(ana, "demo-social", ticket.state, now=NOON)
    assert refusals() == ["another member's attempt", "already used"]


def test_another_browser_of_the_same_person_cannot_finish_it(context: Flask, world: World) -> None:
    ticket = begun(signed_in(world.ana))
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(signed_in(world.ana), "demo-social", ticket.state, now=NOON)
    assert refusals() == ["another browser session"]


def test_another_providers_callback_cannot_finish_it(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    ticket = begun(ana)
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(ana, "demo-video", ticket.state, now=NOON)
    assert refusals() == ["another provider's callback"]


def test_whoever_came_back_signed_out_has_spent_it(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    ticket = begun(ana)
    reconsent.abandon("demo-social", ticket.state, now=NOON)
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(ana, "demo-social", ticket.state, now=NOON)
    assert refusals() == ["signed out", "already used"]


def test_a_refusal_changes_no_connection(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    before = stored(connection_id)
    ticket = begun(ana, connection_id=connection_id)
    with pytest.raises(ConsentAttemptInvalid):
        reconsent.finish(signed_in(world.ben), "demo-social", {"state": ticket.state, "code": "stolen"}, now=NOON)
    after = stored(connection_id)
    assert after.access_token == before.access_token
    assert after.connection.state_since == before.connection.state_since


def test_only_a_person_with_a_browser_session_can_begin(context: Flask, world: World) -> None:
    for asker in (world.ana.asker, Asker.api_key(world.acme, world.ana.id), Asker.portal(world.acme)):
        with pytest.raises(Forbidden):
            attempts.store(asker, Start("demo-social", None, ""), Ticket.draw(), now=NOON)


def test_nobody_begins_a_trip_for_somebody_elses_connection(context: Flask, world: World) -> None:
    anas = connected(signed_in(world.ana), new_grant("business"))
    for stranger in (world.ben, world.chloe, world.eve):
        with pytest.raises(NotFound):
            reconsent.begin(signed_in(stranger), connection_id=anas, now=NOON)


def test_a_provider_that_is_not_set_up_cannot_be_gone_to(context: Flask, world: World) -> None:
    with pytest.raises(ProviderNotConfigured):
        reconsent.begin(signed_in(world.ana), provider_id="no-such-provider", now=NOON)


def test_a_trip_needs_somewhere_to_go(context: Flask, world: World) -> None:
    with pytest.raises(InvalidRequest):
        reconsent.begin(signed_in(world.ana), now=NOON)


def test_old_attempts_are_forgotten_after_a_day(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    begun(ana)
    housekeeping.forget_old(now=NOON + timedelta(hours=24))
    assert only_attempt() is not None
    housekeeping.forget_old(now=NOON + timedelta(hours=25))
    with pytest.raises(ConsentAttemptInvalid):
        attempts.spend(ana, "demo-social", random_token(), now=NOON)
    assert all_attempts() == []


def only_attempt() -> ConsentAttempt:
    found = all_attempts()
    assert len(found) == 1
    return found[0]


@reading
def all_attempts() -> list[ConsentAttempt]:
    found = list(db.session.scalars(select(ConsentAttempt)))
    db.session.expunge_all()
    return found
