"""When a new grant waits for its member, and that the old one is not touched until then."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.db import transaction
from portal.rules.comparison import Choice, HolderKind
from portal.rules.problems import Conflict, InvalidRequest, NotFound, PendingGrantGone
from portal.rules.status import ConnectionState
from portal.services import connections, decisions, pending_grants
from portal.services.asker import Asker
from portal.services.decisions import Decided
from tests import refreshes
from tests.consents import (
    OTHER_PAGE,
    PAGE,
    come_back,
    connected,
    displaced_mails,
    event_kinds,
    new_grant,
    pending,
    refusals,
    signed_in,
    stored,
)
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases
LATER = NOON + timedelta(minutes=5)


def decide(asker: Asker, pending_id: UUID | None, choice: Choice, *, nickname: str = "") -> Decided:
    """As somebody does who has just looked at the review."""
    review = decisions.review(asker, _sure(pending_id), now=LATER)
    return decisions.decide(asker, review.pending_id, choice, seen=review.seen, nickname=nickname, now=LATER)


def test_another_login_waits_and_the_old_grant_stays_as_it_is(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    before = stored(connection_id)
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    after = stored(connection_id)
    assert finished.pending_id is not None
    assert after.access_token == before.access_token
    assert after.connection.subject == "business"
    assert decisions.review(ana, finished.pending_id, now=LATER).heading == "You signed in to a different account"


def test_lost_accounts_wait_for_a_decision(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business", accounts=(PAGE, OTHER_PAGE)))
    finished = come_back(ana, new_grant("business", accounts=(PAGE,)), connection_id=connection_id)
    assert finished.pending_id is not None
    review = decisions.review(ana, finished.pending_id, now=LATER)
    assert review.heading == "Something is no longer shared"
    assert review.comparison.accounts_lost == (OTHER_PAGE,)
    assert review.choices == (Choice.USE_RIGHT_LOGIN, Choice.REPLACE, Choice.CANCEL)


def test_lost_scopes_wait_for_a_decision(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("business", scopes=frozenset({"openid"})), connection_id=connection_id)
    assert finished.pending_id is not None


def test_replace_puts_the_other_login_in_place_and_keeps_the_old_tokens_only_to_end_them(
    context: Flask, world: World
) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    other = new_grant("personal")
    finished = come_back(ana, other, connection_id=connection_id)
    decided = decide(ana, finished.pending_id, Choice.REPLACE)
    after = stored(connection_id)
    assert decided.connection_id == connection_id
    assert after.connection.subject == "personal"
    assert after.connection.connected_at == LATER
    assert after.access_token == other.access_token.reveal()
    assert {"subject:changed", "grant:replaced"} <= set(event_kinds(connection_id))


def test_replace_brings_no_connection_back_that_was_disconnected_meanwhile(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = _sure(come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id)
    seen = decisions.review(ana, pending_id, now=LATER).seen
    connections.disconnect(ana, connection_id, now=LATER)
    assert decisions.decide(ana, pending_id, Choice.REPLACE, seen=seen, now=LATER).is_outdated
    assert stored(connection_id).connection.state is ConnectionState.DISCONNECTED


def test_keep_both_leaves_the_old_one_and_makes_a_new_one(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    decided = decide(ana, finished.pending_id, Choice.KEEP_BOTH, nickname="My own")
    assert decided.connection_id not in (None, connection_id)
    assert stored(connection_id).connection.subject == "business"
    assert decided.connection_id is not None
    assert stored(decided.connection_id).connection.nickname == "My own"
    assert stored(decided.connection_id).connection.subject == "personal"


def test_cancel_leaves_everything_and_forgets_no_tokens_of_the_old_grant(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    before = stored(connection_id)
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    decided = decide(ana, finished.pending_id, Choice.CANCEL)
    assert decided.old_tokens == "kept"
    assert stored(connection_id).access_token == before.access_token
    assert "grant:cancelled" in event_kinds(connection_id)


def test_an_own_login_connected_already_can_be_renewed_there(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    first = connected(ana, new_grant("business"))
    renewed = new_grant("business")
    finished = come_back(ana, renewed)
    review = decisions.review(ana, _sure(finished.pending_id), now=LATER)
    assert review.heading == "This login is already connected"
    assert review.comparison.holder.kind is HolderKind.OWN
    assert review.choices == (Choice.USE_RIGHT_LOGIN, Choice.RENEW_OTHER, Choice.CANCEL)
    decided = decide(ana, finished.pending_id, Choice.RENEW_OTHER)
    assert decided.connection_id == first
    assert stored(first).access_token == renewed.access_token.reveal()


def test_renewing_the_other_connection_warns_again_when_it_would_lose_something(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    first = connected(ana, new_grant("business", accounts=(PAGE, OTHER_PAGE)))
    before = stored(first)
    finished = come_back(ana, new_grant("business", accounts=(PAGE,)))
    decided = decide(ana, finished.pending_id, Choice.RENEW_OTHER)
    assert decided.pending_id == finished.pending_id
    assert stored(first).access_token == before.access_token
    assert decisions.review(ana, _sure(decided.pending_id), now=LATER).heading == "Something is no longer shared"
    assert decide(ana, decided.pending_id, Choice.REPLACE).connection_id == first


def test_a_colleagues_login_is_named_and_its_owner_is_told_once(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    anas = connected(ana, new_grant("business"))
    finished = come_back(ben, new_grant("business"))
    review = decisions.review(ben, _sure(finished.pending_id), now=LATER)
    assert review.comparison.holder.kind is HolderKind.COLLEAGUE
    assert review.comparison.holder.member_name == world.ana.name
    decide(ben, finished.pending_id, Choice.REPLACE)
    displaced = stored(anas)
    assert displaced.connection.state is ConnectionState.DISPLACED
    assert displaced.connection.consent_expires_at is None
    assert displaced.access_token is None
    assert displaced.reminder is None
    assert [mail.member_id for mail in displaced_mails()] == [world.ana.id]
    assert displaced_mails()[0].detail == {"by": world.ben.name}
    assert connections.show(ana, anas, now=LATER).displaced_by == world.ben.name


def test_another_organization_is_never_named_on_either_side(context: Flask, world: World) -> None:
    ana, eve = signed_in(world.ana), signed_in(world.eve)
    anas = connected(ana, new_grant("business", label="Secret name of Acme"))
    finished = come_back(eve, new_grant("business"))
    review = decisions.review(eve, _sure(finished.pending_id), now=LATER)
    assert review.comparison.holder.kind is HolderKind.FOREIGN
    assert review.comparison.holder.member_name is None
    assert review.comparison.holder.nickname is None
    decide(eve, finished.pending_id, Choice.REPLACE)
    assert displaced_mails()[0].detail == {}
    assert displaced_mails()[0].organization_id == world.acme
    assert connections.show(ana, anas, now=LATER).displaced_by is None


def test_displacing_ones_own_connection_sends_nobody_an_e_mail(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    business, personal = connected(ana, new_grant("business")), connected(ana, new_grant("personal"))
    finished = come_back(ana, new_grant("business"), connection_id=personal)
    decide(ana, finished.pending_id, Choice.REPLACE)
    assert stored(business).connection.state is ConnectionState.DISPLACED
    assert stored(personal).connection.subject == "business"
    assert displaced_mails() == []


def test_a_displaced_connection_can_take_its_login_back(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    anas = connected(ana, new_grant("business"))
    bens = decide(ben, come_back(ben, new_grant("business")).pending_id, Choice.REPLACE).connection_id
    decide(ana, come_back(ana, new_grant("business"), connection_id=anas).pending_id, Choice.REPLACE)
    assert stored(anas).connection.state is ConnectionState.ACTIVE
    assert bens is not None
    assert stored(bens).connection.state is ConnectionState.DISPLACED


def test_a_background_refresh_meanwhile_does_not_disturb_the_decision(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business", accounts=(PAGE, OTHER_PAGE)))
    finished = come_back(ana, new_grant("business", accounts=(PAGE,)), connection_id=connection_id)
    review = decisions.review(ana, _sure(finished.pending_id), now=LATER)
    assert refreshes.bring(connection_id, "refreshed", refresh_token=None, now=LATER)
    decided = decisions.decide(ana, review.pending_id, Choice.REPLACE, seen=review.seen, now=LATER)
    assert not decided.is_outdated
    grant_now = stored(connection_id).grant
    assert grant_now is not None
    assert grant_now.generation == 3


def test_a_review_is_shown_again_when_another_tab_replaced_the_login(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    first = come_back(ana, new_grant("personal"), connection_id=connection_id)
    second = come_back(ana, new_grant("agency"), connection_id=connection_id)
    seen_first = decisions.review(ana, _sure(first.pending_id), now=LATER)
    decide(ana, second.pending_id, Choice.REPLACE)
    outdated = decisions.decide(ana, seen_first.pending_id, Choice.REPLACE, seen=seen_first.seen, now=LATER)
    assert outdated.is_outdated
    assert stored(connection_id).connection.subject == "agency"
    assert decisions.review(ana, _sure(outdated.pending_id), now=LATER).before is not None


def test_a_review_is_shown_again_when_the_same_login_was_renewed_meanwhile(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    review = decisions.review(ana, _sure(finished.pending_id), now=LATER)
    come_back(ana, new_grant("business"), connection_id=connection_id, now=LATER)
    assert decisions.decide(ana, review.pending_id, Choice.REPLACE, seen=review.seen, now=LATER).is_outdated


def test_a_review_is_shown_again_when_somebody_else_took_the_login_meanwhile(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    review = decisions.review(ana, _sure(finished.pending_id), now=LATER)
    bens = connected(ben, new_grant("personal"))
    assert decisions.decide(ana, review.pending_id, Choice.REPLACE, seen=review.seen, now=LATER).is_outdated
    assert stored(bens).connection.state is ConnectionState.ACTIVE


def test_what_no_longer_differs_can_be_finished(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    anas = connected(ana, new_grant("business"))
    finished = come_back(ben, new_grant("business"))
    connections.disconnect(ana, anas, now=LATER)
    review = decisions.review(ben, _sure(finished.pending_id), now=LATER)
    assert review.heading == "Nothing differs any more"
    assert decide(ben, finished.pending_id, Choice.REPLACE).connection_id is not None
    assert displaced_mails() == []


def test_a_decision_without_a_seen_review_replaces_nothing(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    assert decisions.decide(ana, _sure(finished.pending_id), Choice.REPLACE, seen="forged", now=LATER).is_outdated
    assert stored(connection_id).connection.subject == "business"


def test_a_decision_counts_once(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    finished = come_back(ana, new_grant("personal"), connection_id=connection_id)
    review = decisions.review(ana, _sure(finished.pending_id), now=LATER)
    decisions.decide(ana, review.pending_id, Choice.KEEP_BOTH, seen=review.seen, now=LATER)
    with pytest.raises(PendingGrantGone):
        decisions.decide(ana, review.pending_id, Choice.KEEP_BOTH, seen=review.seen, now=LATER)
    assert len(connections.mine(ana, now=LATER)) == 2


def test_what_was_settled_by_a_faster_request_is_not_settled_again(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = _sure(come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id)
    read_before = pending(pending_id)
    decisions.decide(ana, pending_id, Choice.CANCEL, now=LATER)
    with pytest.raises(PendingGrantGone):
        transaction(pending_grants.settle)(read_before, "replace", is_taken=True, now=LATER)
    assert pending(pending_id).decision == "cancel"


def test_a_choice_the_review_does_not_offer_is_refused(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business", accounts=(PAGE, OTHER_PAGE)))
    finished = come_back(ana, new_grant("business", accounts=(PAGE,)), connection_id=connection_id)
    with pytest.raises(InvalidRequest):
        decide(ana, finished.pending_id, Choice.KEEP_BOTH)


def test_nobody_else_sees_or_decides_a_pending_grant(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    pending_id = _sure(come_back(ana, new_grant("personal"), connection_id=connection_id).pending_id)
    other_browser = signed_in(world.ana)
    for stranger in (signed_in(world.ben), signed_in(world.chloe), signed_in(world.eve), other_browser):
        with pytest.raises(NotFound):
            decisions.review(stranger, pending_id, now=LATER)
        with pytest.raises(NotFound):
            decisions.decide(stranger, pending_id, Choice.CANCEL, now=LATER)
    assert pending(pending_id).settled_at is None


def test_a_connection_disconnected_meanwhile_does_not_come_back_by_itself(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    connections.disconnect(ana, connection_id, now=LATER)
    with pytest.raises(Conflict):
        come_back(ana, new_grant("business"), connection_id=connection_id, began_at=NOON, now=LATER)
    assert stored(connection_id).connection.state is ConnectionState.DISCONNECTED
    assert refusals() == ["disconnected meanwhile"]


def test_a_connection_of_somebody_else_cannot_be_reconnected(context: Flask, world: World) -> None:
    anas = connected(signed_in(world.ana), new_grant("business"))
    for stranger in (world.ben, world.chloe, world.eve):
        with pytest.raises(NotFound):
            come_back(signed_in(stranger), new_grant("theirs"), connection_id=anas)


def _sure(pending_id: UUID | None) -> UUID:
    assert pending_id is not None
    return pending_id
