"""Finding people by any part of their name or address: a trigram index, in each database's own way.

PostgreSQL: an index of pg_trgm over the text itself; without the extension searching still works, and reads
all members of the organization. SQLite: an FTS5 table beside the members, kept by triggers; it is keyed by numbers of
its own because a row's implicit number may change.
"""

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

SQLITE = (
    "CREATE TABLE member_numbers (number INTEGER PRIMARY KEY, member_id CHAR(32) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE member_search USING fts5(text, tokenize='trigram')",
    """CREATE TRIGGER member_search_added AFTER INSERT ON members BEGIN
        INSERT INTO member_numbers (member_id) VALUES (new.id);
        INSERT INTO member_search (rowid, text)
        SELECT number, new.name || ' ' || new.email FROM member_numbers WHERE member_id = new.id;
    END""",
    """CREATE TRIGGER member_search_changed AFTER UPDATE OF name, email ON members BEGIN
        UPDATE member_search SET text = new.name || ' ' || new.email
        WHERE rowid = (SELECT number FROM member_numbers WHERE member_id = new.id);
    END""",
    """CREATE TRIGGER member_search_removed AFTER DELETE ON members BEGIN
        DELETE FROM member_search WHERE rowid = (SELECT number FROM member_numbers WHERE member_id = old.id);
        DELETE FROM member_numbers WHERE member_id = old.id;
    END""",
)
POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX member_search ON members USING gin ((name || ' ' || email) gin_trgm_ops)",
)


def is_search_table(name: str) -> bool:
    """Whether a table or index belongs to the search and is therefore unknown to the metadata."""
    return name.startswith(("member_search", "member_numbers"))


def create_search(connection: Connection) -> None:
    """Make the index of the database at hand."""
    if connection.dialect.name == "sqlite":
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
        return
    try:
        with connection.begin_nested():
            for statement in POSTGRESQL:
                connection.exec_driver_sql(statement)
    except DBAPIError:
        return  # the extension is not installed or not ours to make


def drop_search(connection: Connection) -> None:
    """Remove it again."""
    if connection.dialect.name == "sqlite":
        for kind, name in (
            ("TRIGGER", "member_search_added"),
            ("TRIGGER", "member_search_changed"),
            ("TRIGGER", "member_search_removed"),
        ):
            connection.exec_driver_sql(f"DROP {kind} {name}")
        connection.exec_driver_sql("DROP TABLE member_search")
        connection.exec_driver_sql("DROP TABLE member_numbers")
    else:
        connection.exec_driver_sql("DROP INDEX IF EXISTS member_search")
