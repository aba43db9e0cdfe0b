"""How long a login link lives, which of its four states it is in, and how often one may be asked for."""

from collections.abc import Sequence
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


def may_mail(recent: Sequence[datetime], now: datetime) -> bool:
    """Whether one more sign-in e-mail may go to an address that got e-mails at the `recent` moments.

    At most one a minute and five an hour. Moments further ahead than a gap come from a clock that was moved back and
    count for nothing, so that nobody is locked out by it; nearer ones are two machines that differ a little, and count.
    """
    return _count(recent, now, within=MAIL_GAP) == 0 and _count(recent, now, within=MAIL_PERIOD) < MAILS_PER_PERIOD


def _count(recent: Sequence[datetime], now: datetime, *, within: timedelta) -> int:
    return sum(-MAIL_GAP < now - moment < within for moment in recent)
