"""Finding people by any part of their name or address, through the trigram index of `migrations/search.py`."""

from sqlalchemy import ColumnElement, String, Uuid, column, literal_column, select, table

from portal.db import db
from portal.models import Member

_NUMBERS = table("member_numbers", column("number"), column("member_id", Uuid))
_SEARCH = table("member_search", column("rowid"), column("text"))
SHORTEST_INDEXED = 3  # a trigram index knows nothing shorter


def matches(words: str) -> ColumnElement[bool]:
    """The condition that a member's name or address contains `words`, whatever the case, by the quickest way."""
    words = words.strip()
    if db.engine.dialect.name == "sqlite" and len(words) >= SHORTEST_INDEXED:
        return _by_fts(words)
    return contains(words)


def contains(words: str) -> ColumnElement[bool]:
    """The same condition on a member at hand; on PostgreSQL it is the indexed one."""
    escaped = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    person = literal_column("(members.name || ' ' || members.email)", String)
    return person.ilike(f"%{escaped}%", escape="\\")


def _by_fts(words: str) -> ColumnElement[bool]:
    phrase = '"' + words.replace('"', '""') + '"'
    rows = select(_SEARCH.c.rowid).where(literal_column("member_search").op("MATCH")(phrase))
    return Member.id.in_(select(_NUMBERS.c.member_id).where(_NUMBERS.c.number.in_(rows)))
