"""The columns that say where a connection stands in its series of reminders."""

from datetime import datetime
from typing import TypedDict

from portal.rules import reminders as rules
from portal.rules.reminders import ReminderPolicy


class NextStep(TypedDict):
    """A row's next step, and when it is due; neither when the series is over."""

    next_at: datetime | None
    next_step: int | None


def next_step(ends_at: datetime, policy: ReminderPolicy, *, after_step: int | None, now: datetime) -> NextStep:
    """What comes after the step that was sent last (None: none yet)."""
    upcoming = rules.next_reminder(ends_at, policy, after_step=after_step, now=now)
    if upcoming is None:
        return {"next_at": None, "next_step": None}
    return {"next_at": upcoming.due_at, "next_step": upcoming.step}
