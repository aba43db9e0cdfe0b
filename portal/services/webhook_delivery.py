"""Delivering webhooks: several endpoints side by side, to each one event after the other."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from uuid import UUID, uuid4

import structlog

from portal.adapters import queue as bell
from portal.adapters import webhooks
from portal.adapters.web import NoAnswer
from portal.adapters.webhooks import Message
from portal.extensions import config, run_side_by_side
from portal.rules import webhooks as rules
from portal.rules.answers import Answer
from portal.rules.webhooks import Verdict
from portal.services import webhook_outbox, webhook_switch
from portal.services.webhook_outbox import Attempt

DELIVER = "jobs.webhooks.deliver"
SIDE_BY_SIDE = 16  # endpoints a job: a slow one among them holds up none of the others
MOST_ENDPOINTS = 1_600
TURN_S = 20.0  # then a worker turns to other jobs; the next tick rings again for what is left
RING_AGAIN_AFTER = timedelta(seconds=30)
REMEMBER = timedelta(seconds=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Moments:
    """The portal's time, and the machine's: signatures are checked against the clocks of others."""

    now: datetime
    machine_now: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a job's attempts."""

    delivered: int = 0
    failed: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return f"{self.delivered} delivered, {self.failed} failed"


def deliver(endpoint_ids: Sequence[UUID], *, now: datetime, machine_now: datetime) -> Tally:
    """Deliver what is due for these endpoints, as far as nobody else is at it, within about half a minute."""
    give_turn = partial(_give_turn, at=Moments(now, machine_now))
    return sum(run_side_by_side(give_turn, endpoint_ids, width=SIDE_BY_SIDE), Tally())


def ring_due(*, now: datetime) -> int:
    """Wake workers for every endpoint for which something is due; returns how many endpoints that are."""
    ready = webhook_outbox.ready(now=now, most=MOST_ENDPOINTS)
    stretch = int(now.timestamp() // RING_AGAIN_AFTER.total_seconds())
    for first in range(0, len(ready), SIDE_BY_SIDE):
        some = ready[first : first + SIDE_BY_SIDE]
        job_id = f"webhooks-{some[0]}-{len(some)}-{stretch}"
        bell.ring_once(job_id, DELIVER, [str(one) for one in some], remember=REMEMBER)
    return len(ready)


def ring_for(endpoint_id: UUID) -> None:
    """Wake a worker for this endpoint, which somebody is looking at."""
    bell.ring(DELIVER, [str(endpoint_id)], at_front=True)


def _give_turn(endpoint_id: UUID, *, at: Moments) -> Tally:
    """Until nothing is due any more: what came while we were about to leave found the turn taken, and is ours."""
    owner, until, tally = uuid4().hex, monotonic() + TURN_S, Tally()
    while monotonic() < until and webhook_outbox.take_turn(endpoint_id, owner, now=at.now):
        try:
            while monotonic() < until and (attempt := webhook_outbox.next_attempt(endpoint_id, owner, now=at.now)):
                tally += _try(attempt, at)
        finally:
            webhook_outbox.end_turn(endpoint_id, owner)
    return tally


def _try(attempt: Attempt, at: Moments) -> Tally:
    message = Message(attempt.url, attempt.message_id, attempt.body, attempt.secrets, at.machine_now)
    answer = webhooks.send(message, private_hosts=config().allowed_private_hosts)
    verdict = rules.verdict_of(answer.status)
    if verdict is Verdict.DELIVERED and answer.status is not None:
        webhook_outbox.note_delivered(attempt, answer.status, now=at.now)
        return Tally(delivered=1)
    _note_failed(attempt, answer, verdict, now=at.now)
    return Tally(failed=1)


def _note_failed(attempt: Attempt, answer: Answer, verdict: Verdict, *, now: datetime) -> None:
    """What failed is tried again in time; an endpoint in trouble rests, and one that is lost is switched off."""
    reason = _reason(answer)
    rest = None
    if verdict is Verdict.TROUBLED:
        rest = rules.rest_until(attempt.failures + 1, retry_after=answer.retry_after, now=now)
    again_at = None if verdict is Verdict.GONE else _again_at(attempt, answer, now)
    log.info("a webhook was not taken", endpoint=str(attempt.endpoint_id), status=answer.status)
    is_ours = webhook_outbox.note_failed(attempt, answer.status, reason, again_at=again_at, rest=rest, now=now)
    if is_ours and (lost := _lost(attempt, verdict, reason, now)):
        webhook_switch.switch_off(attempt.organization_id, attempt.endpoint_id, lost, now=now)


def _again_at(attempt: Attempt, answer: Answer, now: datetime) -> datetime | None:
    """A test is tried once: whoever sent it is looking."""
    if attempt.is_test:
        return None
    spread = (attempt.delivery_id.int % 1_000) / 1_000
    return rules.next_attempt_at(attempt.attempts + 1, spread=spread, retry_after=answer.retry_after, now=now)


def _lost(attempt: Attempt, verdict: Verdict, reason: str, now: datetime) -> str:
    """Why the endpoint is switched off, or nothing."""
    if verdict is Verdict.GONE:
        return "it answered 410, which says that it is gone for good"
    if attempt.failing_since and not attempt.is_test and rules.is_given_up(attempt.failing_since, now=now):
        return f"nothing could be delivered for 3 days; the last attempt: {reason}"
    return ""


def _reason(answer: Answer) -> str:
    if isinstance(answer, NoAnswer) or answer.status is None:
        return getattr(answer, "reason", "no answer")
    return f"answered {answer.status}" + (": redirects are not followed" if 300 <= answer.status < 400 else "")
