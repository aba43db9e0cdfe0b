"""How fast the background asks each provider: how many at a time, how many a minute, how long, and not while it rests.

One sick or slow provider never holds up the others: a batch is one provider's, ends itself after a while, and gives
back what it has not begun; what must wait comes back spread out, each connection at its own moment.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from portal.db import after_commit, db, insert_into, transaction
from portal.extensions import catalog
from portal.models import ProviderPace
from portal.rules import freshness
from portal.rules import incidents as rules
from portal.services import provider_watch, token_store

BUDGET = timedelta(seconds=20)  # for beginning; what has begun by then ends within one call's deadline
SPREAD = timedelta(seconds=30)
REST_LONGEST = timedelta(minutes=5)  # one connection's own limit may name a day: the others find out for themselves
TRIALS_A_BATCH = 3


class Batch:
    """One provider's connections that are due, while they are being refreshed."""

    def __init__(self, connection_ids: Sequence[UUID], provider_id: str, *, now: datetime) -> None:
        self._provider_id, self._began_at, self._began = provider_id, now, monotonic()
        self._left: dict[UUID, datetime] = {}
        self._are_trials = self._is_in_trouble()
        self.admitted = self._admit(connection_ids)

    @property
    def now(self) -> datetime:
        """The batch's own moment: it may have begun a while ago."""
        return self._began_at + timedelta(seconds=monotonic() - self._began)

    @property
    def width(self) -> int:
        """How many may be asked about at the same time."""
        provider = catalog().get(self._provider_id)
        return max(1, provider.refresh.concurrency) if provider else 1

    def may_begin(self, connection_id: UUID) -> bool:
        """Whether there is time for one more, and the provider has neither asked for a rest nor failed meanwhile."""
        now, rests_until = self.now, self._rests_until()
        if not self._are_trials and self._is_in_trouble():
            self._hold([connection_id])
            return False
        if rests_until is None and now < self._began_at + BUDGET:
            return True
        self._leave([connection_id], rests_until or now)
        return False

    def end(self) -> None:
        """Have those not asked about come up again later."""
        token_store.put_off(self._left, now=self.now)

    def _admit(self, connection_ids: Sequence[UUID]) -> Sequence[UUID]:
        """Those to ask about now: none of a provider at rest, a few of one in trouble, of others as its pace allows."""
        now, rests_until = self.now, self._rests_until()
        if rests_until is not None:
            self._leave(connection_ids, rests_until)
            return ()
        if self._are_trials:
            self._hold(connection_ids[TRIALS_A_BATCH:])
            return connection_ids[:TRIALS_A_BATCH]
        return self._within_pace(connection_ids, now)

    def _within_pace(self, connection_ids: Sequence[UUID], now: datetime) -> Sequence[UUID]:
        provider = catalog().get(self._provider_id)
        if provider is None or not provider.refresh.per_minute:
            return connection_ids
        slots = _reserve(self._provider_id, len(connection_ids), per_minute=provider.refresh.per_minute, now=now)
        of_each = dict(zip(connection_ids, slots, strict=True))
        self._left |= {one: slot for one, slot in of_each.items() if slot >= now + BUDGET}
        return [one for one in connection_ids if one not in self._left]

    def _rests_until(self) -> datetime | None:
        watched = provider_watch.of(self._provider_id, self.now)
        return watched.rests_until if watched.is_resting(self.now) else None

    def _is_in_trouble(self) -> bool:
        incident = provider_watch.of(self._provider_id, self.now).incident
        return incident is not None and rules.breaks_the_circuit(incident.fault)

    def _hold(self, connection_ids: Iterable[UUID]) -> None:
        now = self.now
        self._left |= {one: now + rules.held_for(jitter=freshness.jitter_of(one)) for one in connection_ids}

    def _leave(self, connection_ids: Iterable[UUID], until: datetime) -> None:
        self._left |= {one: until + SPREAD * freshness.jitter_of(one) for one in connection_ids}


@transaction
def rest(provider_id: str, retry_after: timedelta | None, *, now: datetime) -> None:
    """Leave the provider alone in the background for as long as it has asked one of its connections to wait."""
    if retry_after is None or retry_after <= timedelta(0):
        return
    until = now + min(retry_after, REST_LONGEST)
    resting = insert_into(ProviderPace).values(provider_id=provider_id, rests_until=until)
    db.session.execute(resting.on_conflict_do_update(index_elements=["provider_id"], set_={"rests_until": until}))
    after_commit(provider_watch.forget)


@transaction
def _reserve(provider_id: str, many: int, *, per_minute: int, now: datetime) -> Sequence[datetime]:
    """The moments at which so many may be asked about, shared between all processes by the provider's row."""
    db.session.execute(insert_into(ProviderPace).values(provider_id=provider_id).on_conflict_do_nothing())
    pace = db.session.get_one(ProviderPace, provider_id, with_for_update=True)
    gap = timedelta(minutes=1) / per_minute
    first = max(now, pace.next_slot_at or now)
    pace.next_slot_at = first + gap * many
    return [first + gap * number for number in range(many)]
