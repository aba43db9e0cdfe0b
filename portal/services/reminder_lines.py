"""What a reminder says: the connections in it, read as it leaves, and what its sending means for their series."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam, select, update

from portal.db import NEVER, db, transaction
from portal.models import Connection, Reminder
from portal.quick import QuickWrite
from portal.rules import reminders as rules
from portal.rules.reminders import ReminderPolicy
from portal.rules.status import HOLDING
from portal.services import held_mail
from portal.services.outbox import Claimed
from portal.services.series import next_step

_NEXT = (
    update(Reminder)
    .where(Reminder.connection_id == bindparam("of"), Reminder.email_id == bindparam("held_by"))
    .values(next_at=bindparam("next_at"), next_step=bindparam("next_step"), email_id=None)
)
_DONE = _NEXT.values(last_step=bindparam("done_step"))
_POSTPONE, _ADVANCE = QuickWrite(_NEXT), QuickWrite(_DONE)
_ADVANCE_SENT = QuickWrite(_DONE.values(last_sent_at=bindparam("at")))  # runs after every mail


@dataclass(frozen=True, slots=True)
class ReminderLine:
    """One connection in a reminder: a step of its series, or out of turn because an admin asked for it."""

    connection_id: UUID
    provider_id: str
    nickname: str
    login_label: str | None
    ends_at: datetime
    days_left: int
    is_ended: bool
    step: int
    is_out_of_turn: bool


@dataclass(frozen=True, slots=True)
class Postponed:
    """A connection whose claimed step is not due after all, because its organization's daytime is over."""

    connection_id: UUID
    due_at: datetime | None
    step: int | None


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one e-mail, soonest end first, and what was claimed for it but has to wait."""

    due: tuple[ReminderLine, ...] = ()
    postponed: tuple[Postponed, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is read of a connection."""

    connection_id: UUID
    provider_id: str
    nickname: str
    login_label: str | None
    ends_at: datetime


def read(claimed: Sequence[Claimed], policies: Mapping[UUID, ReminderPolicy], *, now: datetime) -> Mapping[int, Lines]:
    """The lines of each of these reminders, by the e-mail's id; `policies` are those of its members' organizations."""
    steps, wishes = _claimed_steps(claimed), _wishes(claimed)
    lines = {
        email.id: _lines_of(email, policies[email.organization_id], steps[email.id], wishes[email.id], now=now)
        for email in claimed
    }
    claimed_ids = {shown.connection_id for of_email in steps.values() for _, shown in of_email}
    held = held_mail.held_of(claimed_ids)
    return {email_id: _without(held, of_email, now=now) for email_id, of_email in lines.items()} if held else lines


@transaction
def advance(
    email_id: int, lines: Sequence[ReminderLine], policy: ReminderPolicy, *, was_sent: bool, now: datetime
) -> None:
    """Go on to the next step of each series in the e-mail, unless it was planned anew meanwhile."""
    changes = [
        {"of": line.connection_id, "held_by": email_id, "done_step": line.step}
        | ({"at": now} if was_sent else {})
        | next_step(line.ends_at, policy, after_step=line.step, now=now)
        for line in lines
        if not line.is_out_of_turn
    ]
    (_ADVANCE_SENT if was_sent else _ADVANCE).run(db.session(), changes)


@transaction
def postpone(email_id: int, waiting: Sequence[Postponed]) -> None:
    """Take connections out of the e-mail again until their steps are due."""
    changes = [
        {"of": one.connection_id, "held_by": email_id, "next_at": one.due_at, "next_step": one.step} for one in waiting
    ]
    _POSTPONE.run(db.session(), changes)


def _lines_of(
    email: Claimed,
    policy: ReminderPolicy,
    steps: Sequence[tuple[int | None, _Shown]],
    wishes: Sequence[_Shown],
    *,
    now: datetime,
) -> Lines:
    """A step waits for the daytime, unless its mail may have arrived before: then the copy follows at once."""
    due: dict[UUID, ReminderLine] = {}
    postponed: list[Postponed] = []
    for last_step, shown in steps:
        upcoming = rules.next_reminder(shown.ends_at, policy, after_step=last_step, now=now)
        if upcoming and (upcoming.due_at <= now or email.may_have_arrived):
            due[shown.connection_id] = _line(shown, policy, now, step=upcoming.step)
        else:
            due_at, step = (upcoming.due_at, upcoming.step) if upcoming else (None, None)
            postponed.append(Postponed(shown.connection_id, due_at, step))
    for shown in wishes:
        due.setdefault(shown.connection_id, _line(shown, policy, now, step=None))
    return Lines(tuple(sorted(due.values(), key=lambda line: line.ends_at)), tuple(postponed))


def _without(held: frozenset[UUID], lines: Lines, *, now: datetime) -> Lines:
    """The lines without those of which nobody is to hear yet, which go back to wait for the sweep."""
    waiting = [one for one in lines.due if one.connection_id in held and not one.is_out_of_turn]
    back = (Postponed(one.connection_id, now, one.step) for one in waiting)
    return Lines(tuple(one for one in lines.due if one not in waiting), (*lines.postponed, *back))


def _line(shown: _Shown, policy: ReminderPolicy, now: datetime, *, step: int | None) -> ReminderLine:
    zone = policy.time_zone
    return ReminderLine(
        shown.connection_id,
        shown.provider_id,
        shown.nickname,
        shown.login_label,
        shown.ends_at,
        rules.days_left(shown.ends_at, now=now, time_zone=zone),
        is_ended=shown.ends_at <= now,
        step=rules.step_out_of_turn(shown.ends_at, now=now, time_zone=zone) if step is None else step,
        is_out_of_turn=step is None,
    )


def _claimed_steps(claimed: Sequence[Claimed]) -> Mapping[int, list[tuple[int | None, _Shown]]]:
    steps: defaultdict[int, list[tuple[int | None, _Shown]]] = defaultdict(list)
    of_series = _holding(Reminder.email_id, Reminder.last_step).join(Reminder, Reminder.connection_id == Connection.id)
    of_members = of_series.where(Reminder.member_id.in_([email.member_id for email in claimed]))
    for email_id, last_step, *columns in db.session.execute(
        of_members.where(Reminder.email_id.in_([email.id for email in claimed]))
    ):
        steps[email_id].append((last_step, _Shown(*columns)))
    return steps


def _wishes(claimed: Sequence[Claimed]) -> Mapping[int, list[_Shown]]:
    """The connections that admins asked to remind of, as far as they still are the member's and have an end."""
    wished = {UUID(wish): email for email in claimed for wish in email.detail.get("connections", ())}
    found: defaultdict[int, list[_Shown]] = defaultdict(list)
    if wished:
        for member_id, *columns in db.session.execute(_holding(Connection.member_id).where(Connection.id.in_(wished))):
            shown = _Shown(*columns)
            email = wished[shown.connection_id]
            if member_id == email.member_id:
                found[email.id].append(shown)
    return found


def _holding(*first: Any) -> Select[Any]:
    shown = (
        Connection.id,
        Connection.provider_id,
        Connection.nickname,
        Connection.subject_label,
        Connection.consent_expires_at,
    )
    live = select(*first, *shown).select_from(Connection).where(Connection.state.in_(HOLDING))
    return live.where(Connection.consent_expires_at < NEVER)
