"""Where measurements take place: one database server, and the portals over databases of it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from flask import Flask

from bench.rows import Rows, populate
from portal.app import create_app
from portal.db import db
from portal.services import schema
from tests.servers import PostgresqlDatabases, SqliteDatabases

SECRET_KEY = "a-secret-of-the-measurements-alone-0123456789"
TOKEN_KEYS = "one:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. At 1,000,000 connections the figures count; smaller ones show that everything runs."""

    connections: int

    @property
    def small(self) -> int:
        """What the large organization is compared with."""
        return max(200, self.connections // 100)

    @property
    def due(self) -> int:
        return self.connections // 50

    @property
    def deep_page(self) -> int:
        return max(2, self.connections // 200)

    @property
    def repeats(self) -> int:
        return 101 if self.is_full else 5

    @property
    def rushes(self) -> int:
        return 9 if self.is_full else 2

    @property
    def refreshes(self) -> int:
        return 10_000 if self.is_full else 200

    @property
    def token_requests(self) -> int:
        return 100_000 if self.is_full else 500

    @property
    def day_connections(self) -> int:
        return 1_000 if self.is_full else 20

    @property
    def day(self) -> timedelta:
        return timedelta(hours=24 if self.is_full else 4)

    @property
    def mails(self) -> int:
        return 2_000 if self.is_full else 40

    @property
    def round_s(self) -> float:
        return 1.5 if self.is_full else 0.2

    @property
    def rounds(self) -> int:
        return 7 if self.is_full else 1

    @property
    def is_full(self) -> bool:
        return self.connections >= 100_000


@dataclass(frozen=True)
class Portal:
    """One portal over a database of its own."""

    app: Flask
    environ: Mapping[str, str]
    url: str


@dataclass(frozen=True)
class Filled:
    """A portal with one organization and all its connections."""

    portal: Portal
    rows: Rows


@dataclass
class Site:
    """One kind of database, with portals that are made when they are first asked for and end with it."""

    size: Size
    folder: Path
    redis_url: str
    databases: SqliteDatabases | PostgresqlDatabases
    until_end: ExitStack

    @property
    def kind(self) -> str:
        return self.databases.kind

    @cached_property
    def large(self) -> Filled:
        """The organization with all the connections."""
        return self._filled("large", self.size.connections)

    @cached_property
    def small(self) -> Filled:
        """The organization with a hundredth of them."""
        return self._filled("small", self.size.small)

    @contextmanager
    def portal(self, name: str, environ: Mapping[str, str] | None = None) -> Iterator[Portal]:
        """A migrated portal without rows."""
        folder = self.folder / f"{self.kind}-{name}"
        folder.mkdir(exist_ok=True)
        with self.databases.fresh(_migrate) as url:
            settings = _environ(url, self.redis_url, folder) | dict(environ or {})
            app = create_app(settings)
            yield Portal(app, settings, url)
            app.extensions["reconsent"].use_counts.close()
            with app.app_context():
                db.session.remove()
                db.engine.dispose()
            app.extensions["reconsent"].redis.close()

    def _filled(self, name: str, connections: int) -> Filled:
        portal = self.until_end.enter_context(self.portal(name))
        with portal.app.app_context():
            return Filled(portal, populate(connections))


def _environ(url: str, redis_url: str, folder: Path) -> dict[str, str]:
    return {
        "PORTAL_ENV": "test",  # so that a provider and a mail server may stand on this machine
        "PORTAL_SECRET_KEY": SECRET_KEY,
        "PORTAL_TOKEN_KEYS": TOKEN_KEYS,
        "PORTAL_DATABASE_URL": url,
        "PORTAL_REDIS_URL": redis_url,
        "PORTAL_PUBLIC_URL": "http://127.0.0.1",
        "PORTAL_DATA_DIR": str(folder),
    }


def _migrate(url: str) -> None:
    app = Flask("migrating")
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    db.init_app(app)
    with app.app_context():
        schema.migrate()
        db.engine.dispose()
