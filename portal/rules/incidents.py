"""When many like failures of one provider are one incident, what it holds up, and when it is over.

A provider that suddenly refuses everybody is more likely to be wrong than right, and a provider that is down is not
helped by thousands of questions. The numbers: people revoke one by one; a provider with 100,000 connections of which
5 % a day are revoked sees 17 in five minutes, so 50 at once are never chance, and below ten no share means anything.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from portal.rules.verdicts import Fault

WINDOW = timedelta(minutes=5)
WINDOW_OF_APP = timedelta(hours=1)  # a wrong secret stays wrong: whoever has failed is failing until the next attempt
LEAST = 10
SHARE = 0.05
MOST_REFUSALS = 50  # so many people may have been called for in vain before the brake is pulled, however many there are
TRIAL_EVERY = timedelta(seconds=10)  # as long as a call may take: one or two are on their way at a time
TRIAL_RESTS_AT_MOST = timedelta(hours=1)
HELD_FOR = timedelta(minutes=1)  # up to twice as long; what is held comes back spread out over that time
HEALED_BY = 3  # successes, or as many as there are connections: one may be chance
QUIET = timedelta(hours=3)  # nothing has failed for longer than any back-off lasts: nobody is left who is concerned
REOPENS_WITHIN = timedelta(hours=1)  # a relapse is the same incident, of which the admins know

REFUSALS = frozenset({Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING})
BREAKS_THE_CIRCUIT = frozenset({Fault.APP_CONFIG, Fault.TRANSIENT, Fault.RATE_LIMITED})


@dataclass(frozen=True, slots=True)
class AlertWords:
    """What admins are told: the e-mail's subject, what happened and what still works, and what to do next."""

    title: str
    sentence: str
    what_to_do: str


def alike(fault: Fault) -> Fault | None:
    """The fault an incident is named after: a dead grant is refused in several words; None where it speaks of none."""
    if fault in REFUSALS:
        return Fault.REVOKED
    return fault if fault in BREAKS_THE_CIRCUIT else None


def all_alike(fault: Fault) -> frozenset[Fault]:
    """Every fault that belongs to an incident of that name."""
    return REFUSALS if fault is Fault.REVOKED else frozenset({fault})


def threshold(fault: Fault, *, active: int) -> int:
    """How many of a provider's `active` connections must be failing alike: 5 %, and at least 10.

    Of refusals 50 are enough, for each costs somebody an e-mail; the others cost nothing but a wait. That our own app
    is refused is no chance, however few connections there are, if it is refused for all of them.
    """
    share = math.ceil(active * SHARE)
    many = max(LEAST, min(share, MOST_REFUSALS) if fault is Fault.REVOKED else share)
    return max(1, min(many, active)) if fault is Fault.APP_CONFIG else many


def window(fault: Fault) -> timedelta:
    """How far back failures count."""
    return WINDOW_OF_APP if fault is Fault.APP_CONFIG else WINDOW


def healed_by(*, active: int) -> int:
    """How many successes in a row end an incident."""
    return max(1, min(HEALED_BY, active))


def failures_that_count(fault: Fault) -> int:
    """How often in a row a connection must have failed: a burst that met a limit is over once everybody has waited."""
    return 2 if fault is Fault.RATE_LIMITED else 1


def breaks_the_circuit(fault: Fault) -> bool:
    """Whether the provider is asked by trials only. Where it refuses grants, those it does not refuse stay fresh."""
    return fault in BREAKS_THE_CIRCUIT


def proves_healing(fault: Fault, *, last_fault: str | None) -> bool:
    """Whether a success speaks against the incident: any does for an outage, only of a refused grant for refusals."""
    return fault in BREAKS_THE_CIRCUIT or last_fault in REFUSALS


def held_for(*, jitter: float) -> timedelta:
    """How long a connection waits that is not asked about now: 1-2 minutes by `jitter` in [0, 1)."""
    return HELD_FOR * (1 + jitter)


def next_trial_in(retry_after: timedelta | None) -> timedelta:
    """How long after a failed trial the next one may go out; what the provider asks for is obeyed up to an hour."""
    return max(TRIAL_EVERY, min(retry_after or TRIAL_EVERY, TRIAL_RESTS_AT_MOST))


def alert_words(fault: Fault, provider_name: str) -> AlertWords:
    """The alert about an incident of that fault at this provider."""
    words = _WORDS[fault]
    return AlertWords(
        *(part.format(provider=provider_name) for part in (words.title, words.sentence, words.what_to_do))
    )


_WORDS = MappingProxyType(
    {
        Fault.REVOKED: AlertWords(
            title="{provider} suddenly refuses many connections",
            sentence="Within minutes {provider} has refused to renew the tokens of many connections alike, which looks "
            "like a fault of its own. None of them is given up for now: their members are not e-mailed, and we go on "
            "trying.",
            what_to_do="See whether {provider} knows of trouble, or whether its access was withdrawn for everybody "
            "there. If the connections have really ended, release the e-mails on the providers page: each member is "
            "then asked to reconnect. If {provider} recovers, nothing needs to be done.",
        ),
        Fault.APP_CONFIG: AlertWords(
            title="{provider} refuses our app",
            sentence="{provider} has refused the app that Reconsent uses there, as it does when the client secret is "
            "wrong or has ended. No consent is lost, no member is e-mailed, and tokens work until they end.",
            what_to_do="Tell whoever operates Reconsent to look at the app's secret and settings at {provider}. "
            "Refreshing goes on by itself once they are right.",
        ),
        Fault.TRANSIENT: AlertWords(
            title="{provider} cannot be reached",
            sentence="{provider} does not answer, or answers with errors of its own. No consent is lost, no member is "
            "e-mailed, and tokens work until they end.",
            what_to_do="Nothing, unless it lasts: we ask {provider} again every few seconds, and refreshing goes on by "
            "itself.",
        ),
        Fault.RATE_LIMITED: AlertWords(
            title="{provider} limits how often it may be asked",
            sentence="{provider} turns away requests of the app that Reconsent uses there because there are too many. "
            "No consent is lost, no member is e-mailed, and tokens work until they end.",
            what_to_do="If this comes back, ask {provider} for a higher limit, or have the operator of Reconsent set a "
            "slower pace in the provider's file.",
        ),
    }
)
