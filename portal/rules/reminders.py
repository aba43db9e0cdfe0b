"""Which reminder is due when: steps in calendar days before a consent's end, sent in the organization's daytime."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise

from portal.rules.zones import days_before, is_known_zone, moment_of, wall_clock

FINAL_STEP = 0
"""The step of the final notice, due once the consent has ended."""

LEAD_DAYS_MAX = 90


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """An organization's rhythm: first reminder `lead_days` before the end, then every `rhythm_days`, in its daytime."""

    lead_days: int = 14
    rhythm_days: int = 2
    window_opens: time = time(8)
    window_closes: time = time(18)
    time_zone: str = "UTC"

    @property
    def lead(self) -> timedelta:
        """The length of the reminder window, in which a connection's status is `ending`."""
        return timedelta(days=self.lead_days)


@dataclass(frozen=True, slots=True)
class Reminder:
    """One reminder: its step (whole days before the end, 0 is the final notice) and when it is to be sent (UTC)."""

    step: int
    due_at: datetime

    @property
    def is_final(self) -> bool:
        """Whether this is the final notice."""
        return self.step == FINAL_STEP


def steps(policy: ReminderPolicy) -> tuple[int, ...]:
    """The steps in the order they are sent: 14, 12, 10, 8, 6, 4, 2 and 0 unless the policy says otherwise."""
    return (*range(policy.lead_days, FINAL_STEP, -policy.rhythm_days), FINAL_STEP)


def step_moment(consent_expires_at: datetime, step: int, policy: ReminderPolicy) -> datetime:
    """The moment a step falls due: the end's wall-clock time that many days earlier, so that DST does not shift it."""
    return days_before(consent_expires_at, step, policy.time_zone)


def next_reminder(
    consent_expires_at: datetime, policy: ReminderPolicy, *, after_step: int | None, now: datetime
) -> Reminder | None:
    """The next reminder of a series whose last sent step is `after_step` (None: none yet); None after the final notice.

    Of the steps that fell due meanwhile only the newest counts. A reminder waits for the daytime window; when waiting
    would reach the moment of the next step, that one goes instead. The final notice does not wait.
    """
    ahead = [step for step in steps(policy) if after_step is None or step < after_step]
    if not ahead:
        return None
    for step, following in pairwise(ahead):
        due_at = _in_window(max(step_moment(consent_expires_at, step, policy), now), policy)
        if due_at < step_moment(consent_expires_at, following, policy):
            return Reminder(step, due_at)
    return Reminder(FINAL_STEP, max(consent_expires_at, now))


def current_step(consent_expires_at: datetime, policy: ReminderPolicy, *, now: datetime) -> int | None:
    """The newest step whose moment has passed; None before the first.

    Handed to `next_reminder` as `after_step` when a renewal was short, so that nobody is reminded right after renewing.
    """
    passed = [step for step in steps(policy) if step_moment(consent_expires_at, step, policy) <= now]
    return min(passed, default=None)


def days_left(consent_expires_at: datetime, *, now: datetime, time_zone: str) -> int:
    """The calendar days to the end as people of that zone count them: 0 on the day itself and ever after."""
    left = wall_clock(consent_expires_at, time_zone).date() - wall_clock(now, time_zone).date()
    return max(0, left.days)


def step_out_of_turn(consent_expires_at: datetime, *, now: datetime, time_zone: str) -> int:
    """The step of a reminder that somebody asks for: the days left, the last of which is day 1 until the end has come.

    0 is the final notice's, which says that something has ended: on the last day nothing has yet.
    """
    if consent_expires_at <= now:
        return FINAL_STEP
    return max(1, days_left(consent_expires_at, now=now, time_zone=time_zone))


def is_within_window(moment: datetime, policy: ReminderPolicy) -> bool:
    """Whether the organization's clocks show daytime: from the opening on, until before the closing."""
    return policy.window_opens <= wall_clock(moment, policy.time_zone).time() < policy.window_closes


def _in_window(moment: datetime, policy: ReminderPolicy) -> datetime:
    """The moment itself in the daytime, otherwise the next opening; nothing waits for a window that never opens."""
    if is_within_window(moment, policy):
        return moment
    return next((opening for opening in _openings(moment, policy) if opening >= moment), moment)


def _openings(moment: datetime, policy: ReminderPolicy) -> Iterator[datetime]:
    """The openings of that day and the next two, but for a day on which a change of clocks leaves the window out."""
    today = wall_clock(moment, policy.time_zone).date()
    for days in range(3):
        opening = moment_of(datetime.combine(today + timedelta(days=days), policy.window_opens), policy.time_zone)
        if is_within_window(opening, policy):
            yield opening


def validate_policy(policy: ReminderPolicy) -> dict[str, str]:
    """What is wrong with a policy: a sentence for each wrong field, nothing when it may be saved."""
    errors: dict[str, str] = {}
    if not 1 <= policy.lead_days <= LEAD_DAYS_MAX:
        errors["lead_days"] = f"Choose between 1 and {LEAD_DAYS_MAX} days."
    if not 1 <= policy.rhythm_days <= max(1, policy.lead_days):
        errors["rhythm_days"] = "Choose at least 1 day and at most the days of the first reminder."
    if policy.window_opens >= policy.window_closes:
        errors["window_closes"] = "The window has to close after it opens, on the same day."
    if not is_known_zone(policy.time_zone):
        errors["time_zone"] = "Choose a time zone from the list, such as Europe/Berlin."
    return errors
