"""The limit of the dashboard: the same rows and counts on the bare driver, in a Flask page without content."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, render_template, request
from jinja2 import DictLoader

from bench.drivers import Driver, Row
from bench.rows import Rows, stored
from portal import clock

PAGE = "<!doctype html><title>Connections</title><table>{% for row in rows %}<tr></tr>{% endfor %}</table>"
BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001 - compared as text, before everything
LEAD = timedelta(days=14)

KEYS = "SELECT id FROM connections WHERE organization_id = ? AND (consent_expires_at, id) > (?, ?)"
SHOWN = """
    SELECT c.id, c.provider_id, c.nickname, c.state, c.consent_expires_at, m.name, m.email, m.team, r.last_sent_at,
           r.next_at
    FROM ({keys} ORDER BY consent_expires_at, id LIMIT 51) k
    JOIN connections c ON c.id = k.id JOIN members m ON m.id = c.member_id
    LEFT JOIN reminders r ON r.connection_id = c.id ORDER BY c.consent_expires_at, c.id
"""
PEOPLE = {
    "sqlite": "SELECT n.member_id FROM member_numbers n WHERE n.number IN "
    "(SELECT rowid FROM member_search WHERE member_search MATCH ?)",
    "postgresql": "SELECT p.id FROM members p WHERE (p.name || ' ' || p.email) ILIKE ?",
}
BY_STATE = "SELECT state, SUM(connections) FROM day_buckets WHERE organization_id = ? GROUP BY state"
BEFORE = "SELECT SUM(connections) FROM day_buckets WHERE organization_id = ? AND state = 'active' AND day < ?"
UP_TO = """
    SELECT COUNT(*) FROM connections
    WHERE organization_id = ? AND state = 'active' AND consent_expires_at >= ? AND consent_expires_at <= ?
"""


class BareDashboard:
    """One kept connection and the six statements."""

    def __init__(self, driver: Driver, rows: Rows) -> None:
        self._driver = driver
        is_postgresql = self._driver.is_postgresql
        self._organization: Any = rows.organization_id if is_postgresql else rows.organization_id.hex
        self._people = PEOPLE["postgresql" if is_postgresql else "sqlite"]
        self._phrase = "%{}%" if is_postgresql else '"{}"'

    def rows(self, search: str | None) -> Sequence[Row]:
        keys, given = KEYS, [self._organization, stored(BEGINNING), "0" * 32]
        if search:
            keys += f" AND member_id IN ({self._people})"
            given.append(self._phrase.format(search))
        return self._driver.all(SHOWN.format(keys=keys), *given)

    def counts(self, now: datetime) -> Sequence[Any]:
        """What the counts by status are added up from."""
        moments = (now, now + LEAD)
        before = [self._driver.all(BEFORE, self._organization, moment.date().isoformat()) for moment in moments]
        return [self._driver.all(BY_STATE, self._organization), *before, *map(self._up_to, moments)]

    def _up_to(self, moment: datetime) -> Sequence[Row]:
        begins = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return self._driver.all(UP_TO, self._organization, stored(begins), stored(moment))


def create_app(driver: Driver, rows: Rows) -> Flask:
    """A page that shows nothing of what it has read."""
    app, bare = Flask("bare"), BareDashboard(driver, rows)
    app.jinja_loader = DictLoader({"page.html": PAGE})  # type: ignore[assignment]

    @app.get("/")
    def index() -> str:
        found = bare.rows(request.args.get("search"))
        return render_template("page.html", rows=found[:50], counts=bare.counts(clock.now()))

    return app
