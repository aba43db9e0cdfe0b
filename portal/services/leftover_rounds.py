"""The tick's rounds over the leftovers: what one provider or one row is ailing from holds up no other."""

from datetime import datetime
from uuid import UUID

from portal.crypto import SealBroken
from portal.db import db, transaction
from portal.models import PendingGrant
from portal.services import leftover_alarms, leftovers


def end_all(*, now: datetime) -> int:
    """Try all that are outstanding; a provider that fails once is left alone until the next time."""
    leftovers.give_up(now=now)
    ended, sick = 0, set()
    for leftover_id, provider_id in leftovers.outstanding():
        if provider_id in sick:
            continue
        try:
            is_ended = leftovers.end(leftover_id, now=now)
        except SealBroken as broken:  # its key may come back within the week
            _raise_alarm(leftover_id, broken, now)
            continue
        if is_ended:
            ended += 1
        else:
            sick.add(provider_id)
    return ended


@transaction
def _raise_alarm(leftover_id: UUID, broken: SealBroken, now: datetime) -> None:
    leftover_alarms.raise_for(db.session.get_one(PendingGrant, leftover_id), broken, now=now)
