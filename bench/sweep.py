"""The sweep for due reminders: when there is nothing to do, and when one in fifty connections is due."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from bench.drivers import Driver
from bench.figures import Bound, Figure, Median, at_most
from bench.rows import stored
from bench.site import Site, Size
from bench.timing import Measured, in_turns, milliseconds
from portal import clock
from portal.db import NEVER
from portal.services import reminders

CLAIMS = 9
IDLE = "SELECT MIN(next_at) FROM reminders"
CLAIM = "UPDATE reminders SET next_at = ?, last_step = next_step WHERE next_at <= ?"
CHOSEN = "CREATE TABLE bench_due (connection_id {kind} PRIMARY KEY)"
CHOOSE = """
    INSERT INTO bench_due SELECT connection_id FROM
    (SELECT connection_id, ROW_NUMBER() OVER (ORDER BY connection_id) AS number FROM reminders) numbered
    WHERE number % {every} = 0 ORDER BY connection_id LIMIT {due}
"""
TIDY_POSTGRESQL = ("VACUUM ANALYZE reminders", "VACUUM ANALYZE emails", "CHECKPOINT")
TIDY_SQLITE = ("PRAGMA wal_checkpoint(TRUNCATE)",)
MADE_DUE = (
    "UPDATE reminders SET email_id = NULL, last_step = NULL, next_step = 14, next_at = ? "
    "WHERE connection_id IN (SELECT connection_id FROM bench_due)"
)


def measure(site: Site) -> Iterator[Figure]:
    driver = Driver(site.large.portal.url)
    with site.large.portal.app.app_context():
        idle = in_turns(_idle(driver), repeats=site.size.repeats)
        _choose(driver, site.size)
        claimed = in_turns(_claims(driver, site.size.due), repeats=min(CLAIMS, site.size.repeats))
        _settle(driver)
    driver.close()
    yield _figure(site.kind, idle, "idle sweep", "bare query", at_most(3))
    claiming = f"claiming {site.size.due:,} with their e-mails"
    yield _figure(site.kind, claimed, claiming, "one-statement claim", at_most(2))


def _figure(kind: str, medians: Mapping[str, float], subject: str, reference: str, bound: Bound) -> Figure:
    measured, compared = Median(subject, medians["sweep"], "ms"), Median(reference, medians["bare"], "ms")
    return Figure("sweep", kind, measured, compared, bound)


def _idle(driver: Driver) -> dict[str, Measured]:
    now = clock.now()
    return {
        "sweep": milliseconds(lambda: reminders.claim_due(now=now)),
        "bare": milliseconds(lambda: driver.all(IDLE)),
    }


def _choose(driver: Driver, size: Size) -> None:
    """Every so many of the reminders, spread over all members, will be due."""
    kind = "UUID" if driver.is_postgresql else "CHAR(32)"
    reminders_there = driver.all("SELECT COUNT(*) FROM reminders")[0][0]
    driver.run(CHOSEN.format(kind=kind))
    driver.run(CHOOSE.format(every=reminders_there // size.due, due=size.due))


def _claims(driver: Driver, due: int) -> dict[str, Measured]:
    def sweep() -> float:
        now = _make_due(driver)
        claimed: list[int] = []
        took = milliseconds(lambda: claimed.append(reminders.claim_due(now=now)))()
        if claimed != [due]:
            raise RuntimeError(f"{claimed} claimed of {due}")
        return took

    def bare() -> float:
        now = _make_due(driver)
        return milliseconds(lambda: driver.run(CLAIM, stored(NEVER), stored(now)))()

    return {"sweep": sweep, "bare": bare}


def _make_due(driver: Driver) -> datetime:
    """Everything as it was before any claim, dead rows swept up."""
    now = clock.now()
    driver.run(MADE_DUE, stored(now))
    driver.run("DELETE FROM emails")
    tidying = TIDY_POSTGRESQL if driver.is_postgresql else TIDY_SQLITE
    for statement in tidying:
        driver.run(statement)
    return now


def _settle(driver: Driver) -> None:
    """Nothing is due any more."""
    driver.run(MADE_DUE, stored(NEVER))
    driver.run("DELETE FROM emails")
    driver.run("DROP TABLE bench_due")
