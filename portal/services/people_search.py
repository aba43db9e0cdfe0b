"""Finding people by any part of their name or address, through the trigram index of `migrations/search.py`."""

from sqlalchemy import BindParameter, ColumnElement, String, Uuid, column, literal_column, select, table

from portal.db import db
from portal.models import Member

_NUMBERS = table("member_numbers", column("number"), column("member_id", Uuid))
_SEARCH = table("member_search", column("rowid"), column("text"))
Searched = str | BindParameter[str]
SHORTEST_INDEXED = 3  # a trigram index knows nothing shorter


def matches(words: str) -> ColumnElement[bool]:
    """The condition that a member's name or address contains `words`, whatever the case, by the quickest way."""
    return by_index(phrase_of(words)) if has_index(words) else contains(words)


def contains(words: str) -> ColumnElement[bool]:
    """The same condition on a member at hand; on PostgreSQL it is the indexed one."""
    return is_like(pattern_of(words))


def has_index(words: str) -> bool:
    """Whether `by_index` can find these words on the database at hand."""
    return db.engine.dialect.name == "sqlite" and len(words.strip()) >= SHORTEST_INDEXED


def by_index(phrase: Searched) -> ColumnElement[bool]:
    """The members whose text holds the phrase, by SQLite's FTS5."""
    rows = select(_SEARCH.c.rowid).where(literal_column("member_search").op("MATCH")(phrase))
    return Member.id.in_(select(_NUMBERS.c.member_id).where(_NUMBERS.c.number.in_(rows)))


def is_like(pattern: Searched) -> ColumnElement[bool]:
    """A member whose text fits the pattern."""
    person = literal_column("(members.name || ' ' || members.email)", String)
    return person.ilike(pattern, escape="\\")


def phrase_of(words: str) -> str:
    """The words as an FTS5 phrase."""
    return '"' + words.strip().replace('"', '""') + '"'


def pattern_of(words: str) -> str:
    """The words anywhere in a text, as a pattern of LIKE."""
    escaped = words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
