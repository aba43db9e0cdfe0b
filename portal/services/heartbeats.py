"""When each part of the portal was last at work, by the machine's own time: a moved demo clock must not hide it."""

from datetime import datetime

from portal.db import db, insert_into, reading, transaction
from portal.models import Heartbeat

SCHEDULER = "scheduler"
WORKER = "worker"


@transaction
def beat(name: str, now: datetime) -> None:
    """Note that this part is at work; `now` is the machine's own time."""
    seen = insert_into(Heartbeat).values(name=name, seen_at=now)
    db.session.execute(seen.on_conflict_do_update(index_elements=["name"], set_={"seen_at": seen.excluded.seen_at}))


@reading
def seen(name: str) -> datetime | None:
    """When this part was last at work, by the machine's own time; None when it never was."""
    heartbeat = db.session.get(Heartbeat, name)
    return None if heartbeat is None else heartbeat.seen_at
