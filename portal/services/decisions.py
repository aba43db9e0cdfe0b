"""Decisions about pending grants: what the review shows, and what is carried out of it.

Nothing is replaced that was not shown: a decision names the review it was made on, and is carried out only if the two
sides, looked at again under lock, are still those. Two tabs, the back button and a second press find nothing to decide.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from portal.db import reading, transaction
from portal.models import PendingGrant
from portal.rules.comparison import Choice
from portal.rules.names import clean_nickname
from portal.rules.problems import InvalidRequest
from portal.services import audit, cases, leftovers, old_tokens, pending_grants, races, reconsent, reviews
from portal.services.asker import Asker
from portal.services.attempts import Start
from portal.services.audit import EventKind
from portal.services.cases import Case
from portal.services.old_tokens import OldTokens
from portal.services.reviews import Review


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision.

    `next_url` leads to the provider (another try); `pending_id` to the review, because what it showed has changed or
    because the choice leads to another one; `old_tokens` is what a cancelled consent has left of the earlier tokens.
    """

    choice: Choice
    connection_id: UUID | None = None
    pending_id: UUID | None = None
    is_outdated: bool = False
    next_url: str = ""
    old_tokens: OldTokens = OldTokens.NONE


@reading
def review(asker: Asker, pending_id: UUID, *, now: datetime) -> Review:
    """Both sides of a pending grant; raises NotFound, or PendingGrantGone when there is nothing left to decide."""
    pending = pending_grants.find_open(asker, pending_id, now=now)
    return reviews.review_of(reviews.case_of(asker, pending, is_deciding=False), pending, now=now)


def decide(
    asker: Asker, pending_id: UUID, choice: Choice, *, seen: str = "", nickname: str = "", now: datetime
) -> Decided:
    """Carry out what the member decided on the review whose signature is `seen`.

    `nickname` is for the new connection of `keep_both`. Raises NotFound, PendingGrantGone, or InvalidRequest for a
    choice that the review does not offer.
    """
    if choice is Choice.USE_RIGHT_LOGIN:
        return _try_again(asker, pending_id, now)
    decided = races.settled(lambda: _decide(asker, pending_id, choice, seen=seen, nickname=nickname, now=now))
    if choice is not Choice.CANCEL:
        return decided
    leftovers.end(pending_id, now=now)
    if decided.connection_id is None or decided.old_tokens is not OldTokens.UNKNOWN:
        return decided
    return replace(decided, old_tokens=old_tokens.look(asker, decided.connection_id, now=now))


def _try_again(asker: Asker, pending_id: UUID, now: datetime) -> Decided:
    """Back to the provider, with the choice of login; the wrong one's grant ends before its person gets there."""
    wanted = _asked_for(asker, pending_id, now)
    next_url = reconsent.set_out(asker, wanted, choose_account=True, now=now)
    _cancel(asker, pending_id, now)
    leftovers.end(pending_id, now=now)
    return Decided(Choice.USE_RIGHT_LOGIN, wanted.connection_id, next_url=next_url)


@reading
def _asked_for(asker: Asker, pending_id: UUID, now: datetime) -> Start:
    """The same trip once more; which login an existing connection has is known to that connection."""
    pending = pending_grants.find_open(asker, pending_id, now=now)
    if pending.connection_id is not None:
        return reconsent.start_again(asker, pending.connection_id)
    provider_id, nickname = pending.provider_id, pending.nickname
    return Start(provider_id, None, nickname, connector=pending.connector, vars=pending.vars)


@transaction
def _cancel(asker: Asker, pending_id: UUID, now: datetime) -> None:
    pending = pending_grants.find_open(asker, pending_id, now=now)
    pending_grants.cancel(asker, pending, Choice.USE_RIGHT_LOGIN, now=now)


@transaction
def _decide(asker: Asker, pending_id: UUID, choice: Choice, *, seen: str, nickname: str, now: datetime) -> Decided:
    pending = pending_grants.find_open(asker, pending_id, now=now)
    case = reviews.case_of(asker, pending, is_deciding=True)
    if choice is Choice.CANCEL:
        pending_grants.cancel(asker, pending, choice, now=now)
        return Decided(choice, pending.connection_id, old_tokens=old_tokens.promised(case, now=now))
    if not reviews.is_seen(case, pending.id, seen):
        return Decided(choice, pending.connection_id, pending_id, is_outdated=True)
    if choice not in reviews.choices_of(case.comparison):
        raise InvalidRequest({"choice": "Choose one of the ways that this page offers."})
    return _carry_out(case, pending, choice, nickname=nickname, now=now)


def _carry_out(case: Case, pending: PendingGrant, choice: Choice, *, nickname: str, now: datetime) -> Decided:
    target = _target(case, choice)
    if choice is Choice.RENEW_OTHER and target.own is not None and target.comparison.needs_review:
        pending.connection_id = target.own.id  # it would lose something there, which this review did not show
        return Decided(choice, target.own.id, pending.id)
    pending_grants.settle(pending, choice.value, is_taken=True, now=now)
    wanted = nickname if choice is Choice.KEEP_BOTH else pending.nickname
    connection_id = cases.take(target, nickname=clean_nickname(wanted) if wanted else "", now=now)
    _tell(case, target, choice, now)
    return Decided(choice, connection_id)


def _tell(case: Case, target: Case, choice: Choice, now: datetime) -> None:
    """Each connection's history says what the decision meant for it."""
    who, facts = case.asker, {"choice": choice.value, "login": case.new.label}
    if target.own is not None:
        kind, told = EventKind.GRANT_REPLACED, target.own.id
        audit.record(who, kind, now=now, connection_id=told, member_id=who.own_id, **facts)
    if case.own is not None and case.own is not target.own:
        kind, told = EventKind.GRANT_CANCELLED, case.own.id
        audit.record(who, kind, now=now, connection_id=told, member_id=who.own_id, **facts)


def _target(case: Case, choice: Choice) -> Case:
    """The case of the connection that the choice gives the new grant to."""
    if choice is Choice.KEEP_BOTH:
        return cases.look_into(case.asker, case, None, case.new, is_deciding=True)
    if choice is Choice.RENEW_OTHER and case.holder is not None:
        return cases.look_into(case.asker, case, case.holder.id, case.new, is_deciding=True)
    return case
