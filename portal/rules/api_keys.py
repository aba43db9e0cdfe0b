"""What API keys are for, when they end, and how their uses are told."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from portal.rules import zones
from portal.rules.problems import InvalidRequest

ENDS_SOON = timedelta(days=14)
LIFETIMES_DAYS = (30, 90, 365)
OVERLAPS_DAYS = (0, 1, 7)  # how long a replaced key may go on: time to bring the new one to every backend
USING_FOR = timedelta(days=35)
FARTHEST = date(2200, 1, 1)


class KeyState(StrEnum):
    """How a key stands."""

    WORKS = "works"
    ENDS_SOON = "ends_soon"
    ENDED = "ended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end somebody chooses for a key: after so many days, or with the end of a day; neither means never."""

    days: int | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class LatelyUsed:
    """How often in the running week (Monday to Sunday, UTC) and in the one before."""

    this_week: int = 0
    last_week: int = 0

    def __add__(self, other: "LatelyUsed") -> "LatelyUsed":
        return LatelyUsed(self.this_week + other.this_week, self.last_week + other.last_week)


def state_of(*, revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> KeyState:
    """A key works until the very moment it expires at; one that is revoked is over at once."""
    if revoked_at is not None:
        return KeyState.REVOKED
    if expires_at is None or expires_at - now > ENDS_SOON:
        return KeyState.WORKS
    return KeyState.ENDS_SOON if now < expires_at else KeyState.ENDED


def expires_at(ending: Ending, zone: str, *, now: datetime) -> datetime | None:
    """The end that was chosen; a day counts whole, in the organization's zone. InvalidRequest about `ends_on`."""
    if ending.on is None:
        return None if ending.days is None else now + timedelta(days=ending.days)
    if not zones.wall_clock(now, zone).date() <= ending.on < FARTHEST:
        raise InvalidRequest({"ends_on": "Choose today or a later day."})
    return zones.moment_of(datetime.combine(ending.on, time()) + timedelta(days=1), zone)


def ending_like(created_at: datetime, expires_at: datetime | None) -> Ending:
    """What to propose for a key's successor: the same length of life, as far as it is one of those to choose from."""
    days = None if expires_at is None else round((expires_at - created_at) / timedelta(days=1))
    return Ending(days) if days in LIFETIMES_DAYS else Ending(None if days is None else LIFETIMES_DAYS[1])


def end_of_replaced(expires_at: datetime | None, overlap_days: int, *, now: datetime) -> datetime:
    """When a replaced key stops: after the overlap, and never later than it would have anyway."""
    wanted = now + timedelta(days=overlap_days)
    return wanted if expires_at is None else min(expires_at, wanted)


def providers_text(providers: Collection[str] | None) -> str | None:
    """A limit as it is stored."""
    return None if providers is None else " ".join(sorted(providers))


def providers_of(text: str | None) -> frozenset[str] | None:
    """The providers a key is limited to; None when it is for all."""
    return None if text is None else frozenset(text.split())


def is_using(last_used_at: datetime, *, now: datetime) -> bool:
    """Whether a backend counts on a connection: a job that runs once a month still does."""
    return now - last_used_at <= USING_FOR


def week_of(moment: datetime) -> int:
    """The number of a moment's week, counted from Monday, 1 January of the year 1."""
    return (moment.astimezone(UTC).toordinal() - 1) // 7


def lately_used(week: int, week_uses: int, earlier_uses: int, *, now: datetime) -> LatelyUsed:
    """What counts of `week` and the one before it say about the present week and the last."""
    ago = week_of(now) - week
    if ago <= 0:
        return LatelyUsed(week_uses, earlier_uses)
    return LatelyUsed(0, week_uses) if ago == 1 else LatelyUsed()
