"""What is done when a backend reports that an API refused a token: believed enough to look, never enough to act on.

A backend may be wrong, or somebody else's. So its word costs the provider at most one call a generation, and a rest
that grows while fresh tokens are refused again; a connection's state changes by what the provider answers us alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.rules import freshness
from portal.rules.verdicts import Fault, FaultAction, Verdict

FORGOTTEN_AFTER = timedelta(hours=1)  # a report so long after the last rest is about something new
ABOUT_CREDENTIALS = frozenset({Fault.EXPIRED, Fault.REVOKED})
WORTH_NOTING = ABOUT_CREDENTIALS | {Fault.SCOPE_MISSING}


class Step(StrEnum):
    """What a report leads to.

    `tell`: the verdict, nothing more; `refresh`: once, whoever else asks for it; `join`: take the result of the refresh
    that an earlier report of this generation began; `probe`: ask the provider whether it knows the token; `rest`: that
    has just been done, come back later.
    """

    TELL = "tell"
    REFRESH = "refresh"
    JOIN = "join"
    PROBE = "probe"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Noted:
    """The newest generation of a connection that was reported, what that led to, and the rest since.

    `checks` counts the refreshes and probes in a row that did not help for long.
    """

    generation: int
    step: Step
    checks: int
    rests_until: datetime


def next_step(noted: Noted | None, generation: int, verdict: Verdict, *, can_renew: bool, now: datetime) -> Step:
    """What a report about the current generation leads to.

    A refresh finds out what a report is worth. Fresh tokens that are refused at once have to wait for the next one, and
    a plain `revoked` about such a token is put to the provider itself; so is everything where nothing can be refreshed.
    """
    if verdict.fault not in ABOUT_CREDENTIALS:
        return Step.TELL
    if noted is not None and noted.generation == generation and noted.step is Step.REFRESH:
        return Step.JOIN
    if noted is None or not is_about(noted, generation) or now >= noted.rests_until:
        return Step.REFRESH if can_renew else Step.PROBE
    is_plain_about_new = can_renew and verdict.fault is Fault.REVOKED and noted.generation < generation
    return Step.PROBE if is_plain_about_new else Step.REST


def action_at_rest(verdict: Verdict) -> FaultAction:
    """What a backend does about a token that has just been renewed or found alive: wait, unless nothing else helps."""
    is_incurable = verdict.fault is Fault.EXPIRED and verdict.action is FaultAction.RECONSENT  # by its own words
    return FaultAction.RECONSENT if is_incurable else FaultAction.BACKOFF


def note(noted: Noted | None, generation: int, step: Step, *, jitter: float, now: datetime) -> Noted:
    """What is remembered of a report that leads to `step`; a look that cost nothing leaves the rest as it is."""
    if noted is None or not is_about(noted, generation) or now >= noted.rests_until + FORGOTTEN_AFTER:
        noted = Noted(generation, step, 0, now)
    if step not in (Step.REFRESH, Step.PROBE):
        return Noted(generation, step, noted.checks, noted.rests_until)
    checks = noted.checks + 1
    return Noted(generation, step, checks, now + freshness.backoff(checks, jitter=jitter, retry_after=None))


def is_about(noted: Noted, generation: int) -> bool:
    """Whether what is noted concerns this generation: itself, or the one that it came from."""
    return noted.generation in (generation - 1, generation)
