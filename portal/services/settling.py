"""Which events can no longer be overtaken: ids are given out before the transactions that use them are seen.

On PostgreSQL a transaction may take id 7, another take 8 and succeed first. Whoever then reads up to 8 and goes on from
there has missed 7 for good. So nothing is published beyond an id until every transaction that was writing events when
that id was seen has ended. Who is writing the database itself knows: an INSERT locks the table against changes of its
shape before it asks for an id, and keeps that lock until its transaction has ended, one way or the other. (The order of
transaction ids is no substitute: an older transaction may take a later id. Neither is a waiting time: an import may
write for minutes.) SQLite lets one write at a time, so what is seen there is settled.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, text

from portal.db import db
from portal.models import Event, EventFeed

_WRITERS = text(
    "SELECT DISTINCT virtualtransaction FROM pg_locks WHERE relation = 'events'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode = 'RowExclusiveLock' AND granted"
)


def settled_id(feed: EventFeed) -> int:
    """The id up to which every event is there to be seen, for good; the feed, locked by us, remembers who writes."""
    settled = feed.published_id
    writers = _writers()
    if not set(feed.writers) & set(writers):
        settled = max(settled, feed.candidate_id)
        _look_again(feed)
        settled = settled if feed.writers else feed.candidate_id
    return settled


def _look_again(feed: EventFeed) -> None:
    """First the newest event, then who is writing: whoever took an earlier id and is not seen by now is among them."""
    feed.candidate_id = db.session.scalar(select(func.max(Event.id))) or 0
    feed.writers = list(_writers())


def _writers() -> Sequence[str]:
    if db.session.get_bind().dialect.name != "postgresql":
        return ()
    return db.session.scalars(_WRITERS).all()
