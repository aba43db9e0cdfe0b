"""Delivery: a batch of e-mails over several kept connections at once, each noted as sent before the next one leaves.

To a real server latency is everything, so a batch is shared by threads with a connection each. A worker that is
killed must not have many mails accepted and not yet noted, for they would all arrive twice: so at most one mail of a
process is between its last byte and its note, or two where the server always takes its time to answer (`turns`).
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from functools import partial
from time import monotonic
from uuid import uuid4

import structlog

from portal.adapters import mail, mime
from portal.adapters.mail import Carrier
from portal.adapters.mime import Letter
from portal.adapters.smtp import Cut, Refused, Silent, Unreachable
from portal.db import repeatable_transaction, transaction
from portal.extensions import run_side_by_side
from portal.models.email import EmailKind
from portal.rules.deliveries import FIRST_WAIT, next_attempt_at
from portal.services import audit, letters, login_links, outbox, outgoing, races, reminder_lines, returned_mail, writing
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.outgoing import Outgoing
from portal.services.returned_mail import Trouble
from portal.services.turns import Turns

CONNECTIONS = 8
CONNECTIONS_NEARBY = 3  # to a server that answers at once more of them only get into each other's way
WORTH_A_CONNECTION = 4  # mails; opening a connection takes about as long as sending one
BUDGET_S = 20.0  # then a worker turns to other jobs; the sweep rings again for what is left

log = structlog.get_logger(__name__)
_turns = Turns()


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a batch."""

    sent: int = 0
    put_back: int = 0
    parked: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    def __str__(self) -> str:
        return f"{self.sent} sent, {self.put_back} put back, {self.parked} parked"


SENT, PUT_BACK, PARKED = Tally(sent=1), Tally(put_back=1), Tally(parked=1)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Mails that several connections take from one list, and what ended connections before the list was empty."""

    claimant: str
    until: float
    now: datetime
    waiting: deque[Outgoing]
    ended_by: list[Unreachable | Silent] = field(default_factory=list)

    def take(self) -> Outgoing | None:
        """The next mail, for whoever comes first; None when there is none or the time is over."""
        try:
            return self.waiting.popleft() if monotonic() < self.until else None
        except IndexError:
            return None  # another connection was faster


def deliver(email_ids: Sequence[int], *, now: datetime) -> Tally:
    """Deliver those of these e-mails that are due and that nobody else is delivering, within about 20 seconds."""
    if mail.is_resting():
        return Tally()
    claimant, until = uuid4().hex, monotonic() + BUDGET_S
    ready = outgoing.prepare(email_ids, claimant, now=now)
    if not ready:
        return Tally()
    letters.load({one.kind for one in ready})
    connections = CONNECTIONS_NEARBY if _turns.is_nearby else CONNECTIONS
    width = min(connections, -(-len(ready) // WORTH_A_CONNECTION))
    batch = _Batch(claimant, until, now, deque(ready))
    try:
        tally = sum(run_side_by_side(_deliver_along, [batch] * width, width=width), Tally())
    finally:
        left = _let_go(batch, width)
    return tally + left


def _deliver_along(batch: _Batch) -> Tally:
    """One mail after the other over one connection, until there is none to be had or the server falls silent.

    Others may still have theirs. A silence counts as a refusal of its mail, which would stop the others for ever.
    """
    tally = Tally()
    with mail.carrier() as carrier:
        while one := batch.take():
            try:
                tally += _deliver_one(carrier, one, batch)
            except Unreachable as trouble:
                batch.waiting.appendleft(one)
                batch.ended_by.append(trouble)
                break
            except Silent as silence:
                tally += _refused(one, batch, str(silence), may_have_arrived=silence.may_have_arrived)
                batch.ended_by.append(silence)
                break
    return tally


def _let_go(batch: _Batch, width: int) -> Tally:
    """Whatever happened, mails that were not reached are let go of; a server that ended all connections is left alone.

    One that limits connections ends some of them, and the others carry what these would have carried.
    """
    due_at, reason = batch.now, "not reached in time"
    if batch.ended_by:
        reason = str(batch.ended_by[-1])
        log.warning("connections to the mail server failed", failed=len(batch.ended_by), of=width, reason=reason)
    if len(batch.ended_by) == width:
        mail.rest()
        due_at += FIRST_WAIT
    left = [one.email for one in batch.waiting]
    if left:
        returned_mail.put_back(left, batch.claimant, Trouble(reason, due_at), now=batch.now)
    return Tally(put_back=len(left))


def _deliver_one(carrier: Carrier, one: Outgoing, batch: _Batch) -> Tally:
    """One e-mail from its words to its note; what the server says about this one stops no other."""
    if one.link and one.link.is_used:
        return _note_sent(one, batch.now)  # somebody signed in with it: it had arrived, although nobody noted it
    try:
        letter = writing.letter_of(one, now=batch.now)
        raw = mime.compose(letter)
    except ValueError:  # no server could take this address, or this header
        return _refused(one, batch, "the address is none that mail servers know", is_for_good=True)
    try:
        return _send(carrier, one, letter, raw, now=batch.now)
    except Refused as refused:
        return _refused(one, batch, str(refused), is_for_good=refused.is_for_good)
    except Cut as cut:
        return _refused(one, batch, str(cut), may_have_arrived=cut.may_have_arrived)


def _send(carrier: Carrier, one: Outgoing, letter: Letter, raw: bytes, *, now: datetime) -> Tally:
    carrier.announce(letter.sender[1], letter.recipient[1])
    with _turns.take():
        asked_at = monotonic()
        carrier.hand_over(raw)
        _turns.remember(monotonic() - asked_at)
        return _note_sent(one, now)


def _note_sent(one: Outgoing, now: datetime) -> Tally:
    """Noted even where a concurrent transaction was faster: the mail would be sent again."""
    races.settled(partial(_write_sent, one, now))
    return SENT


@repeatable_transaction
def _write_sent(one: Outgoing, now: datetime) -> None:
    """The small write after each mail: it is sent, its link is the member's newest, its series go on."""
    email = one.email
    if outbox.mark_sent(email.id, one.kind, now=now):
        if one.link and not one.link.is_used:
            login_links.supersede_others(email.member_id, one.link.id, now=now)
        reminder_lines.advance(email.id, one.lines.due, one.reader.policy, was_sent=True, now=now)
        _tell_sent(one, now)


def _refused(
    one: Outgoing, batch: _Batch, reason: str, *, is_for_good: bool = False, may_have_arrived: bool = False
) -> Tally:
    """A refusal for now waits and is tried again, one for good is parked, and so is what was refused for days."""
    email, now = one.email, batch.now
    waits = email.kind is EmailKind.SIGN_IN
    again_at = next_attempt_at(email.refusals + 1, queued_at=email.created_at, somebody_waits=waits, now=now)
    if is_for_good or again_at is None:
        return _park(one, reason, now)
    trouble = Trouble(reason, again_at, refusals=1, may_have_arrived=may_have_arrived)
    returned_mail.put_back([email], batch.claimant, trouble, now=now)
    return PUT_BACK


@transaction
def _park(one: Outgoing, reason: str, now: datetime) -> Tally:
    """Not tried again, and its member's admins can see why; the series goes on, for an address may be put right."""
    email = one.email
    if outbox.park(email.id, reason, now=now):
        reminder_lines.advance(email.id, one.lines.due, one.reader.policy, was_sent=False, now=now)
        audit.record(
            Asker.portal(email.organization_id),
            EventKind.EMAIL_PARKED,
            now=now,
            member_id=email.member_id,
            email=email.id,
            email_kind=one.kind.value,
            reason=reason[: outbox.LONGEST_ERROR],
        )
    return PARKED


def _tell_sent(one: Outgoing, now: datetime) -> None:
    email, member_id = one.email, one.email.member_id
    portal = Asker.portal(email.organization_id)
    reminded = [
        (member_id, line.connection_id, {"email": email.id, "step": line.step, "days_left": line.days_left})
        for line in one.lines.due
    ]
    audit.record_many(portal, EventKind.REMINDER_SENT, reminded, now=now)
    if not reminded:
        sent = (member_id, email.connection_id, {"email": email.id, "email_kind": one.kind.value})
        audit.record_many(portal, EventKind.EMAIL_SENT, [sent], now=now)
