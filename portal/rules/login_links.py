"""How long a login link lives, which of its four states it is in, and how often one may be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFETIME_REQUESTED = timedelta(hours=1)
LIFETIME_SENT = timedelta(hours=82)  # a Friday-morning e-mail still works on Monday evening
LIFETIME_SENT_ELEVATED = timedelta(hours=24)

MAIL_GAP = timedelta(seconds=60)
MAIL_PERIOD = timedelta(hours=1)
MAILS_PER_PERIOD = 5
NETWORK_PERIOD = timedelta(minutes=10)
REQUESTS_PER_NETWORK = 30  # in a period: an office behind one address signs in on Monday morning


class LinkPurpose(StrEnum):
    """Why a login link was sent: asked for by its owner, or sent by us unasked."""

    SIGN_IN = "sign_in"
    INVITATION = "invitation"
    REMINDER = "reminder"


class LinkState(StrEnum):
    """What a login link is at this moment; only a live one signs in."""

    LIVE = "live"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    USED = "used"


@dataclass(frozen=True, slots=True)
class SignInMail:
    """A sign-in e-mail: when it was or is to leave, and what its link is; a link yet to come is as good as live."""

    at: datetime
    link: LinkState


def lifetime(purpose: LinkPurpose, *, elevated: bool) -> timedelta:
    """Links people ask for die sooner than links we send unasked, and power shortens both."""
    if purpose is LinkPurpose.SIGN_IN:
        return LIFETIME_REQUESTED
    return LIFETIME_SENT_ELEVATED if elevated else LIFETIME_SENT


def state_of(
    *, expires_at: datetime, used_at: datetime | None, superseded_at: datetime | None, now: datetime
) -> LinkState:
    """The truest word for a link: what its owner did comes before what we did, and both before the clock."""
    if used_at is not None:
        return LinkState.USED
    if superseded_at is not None:
        return LinkState.SUPERSEDED
    return LinkState.LIVE if now < expires_at else LinkState.EXPIRED


def lifetime_in_words(duration: timedelta) -> str:
    """A lifetime as its page says it: "82 hours", "1 hour", and minutes below an hour; parts of a unit are dropped."""
    if duration >= timedelta(hours=1):
        return _counted(duration // timedelta(hours=1), "hour")
    return _counted(duration // timedelta(minutes=1), "minute")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def next_mail_at(recent: Sequence[SignInMail], now: datetime) -> datetime | None:
    """When one more sign-in e-mail may leave for whoever got the `recent` ones; None when it may not: they have a link.

    At most five an hour and one a minute. What its owner has used counts for nothing: nobody else can use it, and they
    need another. Within the minute a live link, or one to come, is answer enough; in place of one that a reminder has
    superseded another comes when the minute is over. Moments further ahead than that come from a clock that was moved
    back and count for nothing, so that nobody is locked out by it.
    """
    of_late = [mail for mail in recent if -2 * MAIL_GAP < now - mail.at < MAIL_PERIOD]
    unused = [mail for mail in of_late if mail.link is not LinkState.USED]
    if len(unused) >= MAILS_PER_PERIOD:
        return None
    newest = max(unused, key=lambda mail: mail.at, default=None)
    if newest is None or now - newest.at >= MAIL_GAP:
        return now
    return newest.at + MAIL_GAP if newest.link is LinkState.SUPERSEDED else None
