"""Brings the database to this version of the portal, and tells whether it is."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from portal import migrations
from portal.db import Base, db
from portal.migrations.search import is_search_table
from portal.rules.problems import DatabaseNewer
from portal.sqlite import WRITING

MIGRATIONS = Path(migrations.__file__).parent
ADVISORY_LOCK = 7_266_534_013  # any number of our own: two migrations never run at once on PostgreSQL


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """Where the database stands and where this version of the portal wants it; None is an empty database."""

    found: str | None
    wanted: str

    @property
    def is_current(self) -> bool:
        return self.found == self.wanted


def migrate() -> SchemaVersion:
    """Run the migrations the database has not seen, in one transaction; raises DatabaseNewer for an unknown version."""
    with db.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
        before = _version(connection)
        command.upgrade(_settings(connection), "head")
    return before


def version() -> SchemaVersion:
    """The database's version beside ours; raises DatabaseNewer when it is ahead of us."""
    with db.engine.connect().execution_options(**{WRITING: False}) as connection:
        return _version(connection)


def differences() -> list[object]:
    """What the migrated database and the models do not agree on; nothing, if all is well."""
    with db.engine.connect() as connection:
        options = {"compare_type": True, "include_object": lambda _o, name, *_rest: not is_search_table(name or "")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def _version(connection: Connection) -> SchemaVersion:
    scripts = ScriptDirectory.from_config(_settings(connection))
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise DatabaseNewer
    return SchemaVersion(found, scripts.get_current_head() or "")


def _settings(connection: Connection) -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings
