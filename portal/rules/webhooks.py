"""What backends are told of an organization's connections, and when a webhook that was not taken is sent again."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from portal.rules.problems import InvalidRequest

URL_MAX = 1_000
SECRET_OVERLAP = timedelta(hours=24)  # so long a replaced secret goes on signing beside the new one
GIVEN_UP_AFTER = timedelta(days=3)  # nothing delivered for so long: the endpoint is switched off
WAITS = (  # between attempts, as Standard Webhooks recommends: ten attempts within three days and a bit
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
SPREAD = 0.1  # waits are up to a tenth longer, so that what failed together does not come back together
FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(minutes=5)
LONGEST_RETRY_AFTER = timedelta(days=1)
GONE = 410
TEST_TYPE = "webhook.test"


class PublicType(StrEnum):
    """The types of public events, frozen by name."""

    CONNECTED = "connection.connected"
    ENDING = "connection.ending"
    ENDED = "connection.ended"
    NEEDS_RECONSENT = "connection.needs_reconsent"
    RECONNECTED = "connection.reconnected"
    SUBJECT_CHANGED = "connection.subject_changed"
    SCOPES_CHANGED = "connection.scopes_changed"
    ACCOUNTS_CHANGED = "connection.accounts_changed"
    DISPLACED = "connection.displaced"
    DISCONNECTED = "connection.disconnected"

    @property
    def meaning(self) -> str:
        """What has happened, in words."""
        return MEANINGS[self]


MEANINGS = MappingProxyType(
    {
        PublicType.CONNECTED: "connected for the first time, or imported",
        PublicType.ENDING: "the consent ends soon: the reminder window has begun",
        PublicType.ENDED: "the consent has ended",
        PublicType.NEEDS_RECONSENT: "only its member can bring it back",
        PublicType.RECONNECTED: "its member consented again",
        PublicType.SUBJECT_CHANGED: "it is another login now, or its login has become known",
        PublicType.SCOPES_CHANGED: "scopes were lost or gained",
        PublicType.ACCOUNTS_CHANGED: "shared accounts were lost or gained",
        PublicType.DISPLACED: "another member connected the same login",
        PublicType.DISCONNECTED: "ended on purpose",
    }
)
PUBLIC_TYPES = MappingProxyType(
    {
        "connection:connected": PublicType.CONNECTED,
        "connection:imported": PublicType.CONNECTED,
        "connection:ending": PublicType.ENDING,
        "connection:ended": PublicType.ENDED,
        "connection:needs_reconsent": PublicType.NEEDS_RECONSENT,
        "connection:reconnected": PublicType.RECONNECTED,
        "subject:changed": PublicType.SUBJECT_CHANGED,
        "scopes:changed": PublicType.SCOPES_CHANGED,
        "accounts:changed": PublicType.ACCOUNTS_CHANGED,
        "connection:displaced": PublicType.DISPLACED,
        "connection:disconnected": PublicType.DISCONNECTED,
    }
)
"""The events of the audit log that backends hear of; everything else there is for people alone."""

_PUBLIC_FACTS = MappingProxyType(
    {
        PublicType.ENDING: ("consent_expires_at",),
        PublicType.ENDED: ("consent_expires_at",),
        PublicType.NEEDS_RECONSENT: ("reason",),
        PublicType.SUBJECT_CHANGED: ("learned",),
        PublicType.SCOPES_CHANGED: ("lost", "gained"),
        PublicType.ACCOUNTS_CHANGED: ("lost", "gained"),
        PublicType.DISPLACED: ("by_colleague",),
    }
)


class Verdict(StrEnum):
    """What an endpoint's answer means."""

    DELIVERED = "delivered"
    UNWANTED = "unwanted"  # this one was refused; the next may be welcome
    TROUBLED = "troubled"  # the endpoint itself cannot take anything right now
    GONE = "gone"


def public_facts(of: PublicType, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What of an event's facts leaves the house: the named ones and nothing that is added to the log later."""
    return {name: facts[name] for name in _PUBLIC_FACTS.get(of, ()) if name in facts}


def verdict_of(status: int | None) -> Verdict:
    """What an answer's status means; None when there was no answer."""
    if status is None:
        return Verdict.TROUBLED
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status == GONE:
        return Verdict.GONE
    return Verdict.TROUBLED if status >= 500 or status in (408, 425, 429) else Verdict.UNWANTED


def next_attempt_at(
    attempts: int, *, spread: float, retry_after: timedelta | None = None, now: datetime
) -> datetime | None:
    """When to try again after the `attempts`-th failure (1 is the first); None when it is to be given up.

    `spread` is a number from 0 to 1 that tells deliveries apart. A longer wait that the endpoint asks for is granted.
    """
    if attempts > len(WAITS):
        return None
    wait = WAITS[attempts - 1] * (1 + SPREAD * spread)
    return now + max(wait, min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))


def rest_until(failures: int, *, retry_after: timedelta | None = None, now: datetime) -> datetime:
    """Until when a troubled endpoint is left alone after its `failures`-th failure in a row: 5 s doubling to 5 min."""
    doublings = min(failures - 1, 10)  # beyond that the longest rest has long been reached
    rest = min(FIRST_REST * (1 << doublings), LONGEST_REST)
    return now + max(rest, min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))


def is_given_up(failing_since: datetime, *, now: datetime) -> bool:
    """Whether an endpoint that has failed ever since then is to be switched off."""
    return now - failing_since >= GIVEN_UP_AFTER


def is_wanted(chosen: Collection[str], public_type: str) -> bool:
    """Whether an endpoint with these chosen types gets this one; none chosen means every type."""
    return not chosen or public_type in chosen


def clean_types(chosen: Collection[str]) -> tuple[PublicType, ...]:
    """Types that people chose, in our order; raises InvalidRequest about `types`."""
    if not set(chosen) <= set(PublicType):
        raise InvalidRequest({"types": "Choose from the list."})
    return tuple(one for one in PublicType if one in chosen)
