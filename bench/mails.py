"""Reminders by e-mail, from the claim to the note that each was sent, beside Flask-Mail sending the same letter."""

import json
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from time import perf_counter

from bench.drivers import Driver
from bench.figures import Bound, Figure, Median, at_least
from bench.processes import ROOT, listening, running
from bench.rows import stored
from bench.site import Portal, Site
from bench.timing import Measured, in_turns
from bench.workers import workers
from jobs import reminders
from portal import clock
from portal.db import NEVER
from portal.models.email import EmailKind
from portal.services import letters
from portal.services.letters import Frame, Line, ReminderFacts
from tests.patience import eventually

LATENCY_S = 0.02
WITHIN_S = 120.0
PROCESSES = 2
REPEATS = 3
CHOOSE = """
    CREATE TABLE bench_mailed AS SELECT connection_id FROM (
        SELECT r.connection_id, ROW_NUMBER() OVER (PARTITION BY r.member_id ORDER BY r.connection_id) AS number
        FROM reminders r JOIN connections c ON c.id = r.connection_id
        WHERE c.state = 'active' AND c.consent_expires_at > '{soon}' AND c.consent_expires_at < '{later}'
    ) numbered WHERE number = 1 LIMIT {count}
"""
MADE_DUE = """
    UPDATE reminders SET email_id = NULL, last_step = NULL, next_step = 14, next_at = ?
    WHERE connection_id IN (SELECT connection_id FROM bench_mailed)
"""
Taken = tuple[int, int]


def measure(site: Site) -> Iterator[Figure]:
    size = site.size
    few = max(5, size.mails // 40)
    yield _compared(site, latency_s=0.0, mails=size.mails, alone=size.mails, bound=at_least(1))
    yield _compared(site, latency_s=LATENCY_S, mails=size.mails // 2, alone=few, bound=at_least(8))


def _compared(site: Site, *, latency_s: float, mails: int, alone: int, bound: Bound) -> Figure:
    portal = site.large.portal
    with _sink(site, latency_s) as port, _campaign(portal, mails) as driver, _workers(site, portal, port):
        runs = {"portal": _reminders(portal, driver, port), "alone": _flask_mail(port, alone)}
        medians = in_turns(runs, repeats=min(REPEATS, site.size.rounds))
    words = f" at {latency_s * 1000:.0f} ms" if latency_s else ""
    subject = Median(f"reminders by {PROCESSES} workers{words}", medians["portal"], "/s")
    return Figure("mails", site.kind, subject, Median(f"Flask-Mail{words}", medians["alone"], "/s"), bound)


@contextmanager
def _sink(site: Site, latency_s: float) -> Iterator[int]:
    with listening() as listener:
        command = [sys.executable, "-m", "bench.sink", str(listener.fileno()), str(latency_s)]
        with running(command, {}, site.folder / "sink.log", listener=listener):
            yield listener.getsockname()[1]


@contextmanager
def _campaign(portal: Portal, mails: int) -> Iterator[Driver]:
    """So many members, each with a reminder that can be made due."""
    driver, now = Driver(portal.url), clock.now()
    soon, later = stored(now + timedelta(days=1)), stored(now + timedelta(days=13))
    driver.run(CHOOSE.format(soon=soon, later=later, count=mails))
    yield driver
    driver.run(MADE_DUE, stored(NEVER))
    driver.run("DROP TABLE bench_mailed")
    driver.close()


def _workers(site: Site, portal: Portal, port: int) -> AbstractContextManager[None]:
    return workers(site, {**portal.environ, "PORTAL_SMTP_URL": f"smtp://127.0.0.1:{port}"}, processes=PROCESSES)


def _reminders(portal: Portal, driver: Driver, port: int) -> Measured:
    def run() -> float:
        last_id = _make_due(driver)
        taken_before = _taken(port)
        with portal.app.app_context():
            began = perf_counter()
            reminders.claim_due()
            _await_sent(driver)
        took = perf_counter() - began
        return _checked(driver, last_id, taken_before, _taken(port)) / took

    return run


def _make_due(driver: Driver) -> int:
    """Everybody's first step is due; returns the id of the last e-mail before."""
    driver.run(MADE_DUE, stored(clock.now()))
    if driver.is_postgresql:
        driver.run("VACUUM ANALYZE reminders")
    return int(driver.all("SELECT COALESCE(MAX(id), 0) FROM emails")[0][0])


def _await_sent(driver: Driver) -> None:
    waiting, never = "SELECT COUNT(*) FROM emails WHERE next_attempt_at < ?", stored(NEVER)
    if not eventually(lambda: driver.all(waiting, never)[0][0] == 0, within_s=WITHIN_S):
        raise RuntimeError(f"{driver.all(waiting, never)[0][0]} e-mails still wait after {WITHIN_S:.0f} s")


def _checked(driver: Driver, last_id: int, before: Taken, after: Taken) -> int:
    """How many were sent: every member's, each once."""
    members = driver.all("SELECT COUNT(*) FROM bench_mailed")[0][0]
    sent = driver.all("SELECT COUNT(*) FROM emails WHERE status = 'sent' AND id > ?", last_id)[0][0]
    arrived, different = after[0] - before[0], after[1] - before[1]
    if not members == sent == arrived == different:
        raise RuntimeError(f"{members} were due, {sent} are noted, {arrived} arrived, {different} of them different")
    return int(sent)


def _taken(port: int) -> Taken:
    """The sink's ledger: mails, and different Message-IDs."""
    with smtplib.SMTP("127.0.0.1", port) as sink:
        _code, words = sink.docmd("XCOUNT")
    mails, different = map(int, words.split())
    return mails, different


def _flask_mail(port: int, count: int) -> Measured:
    command = [sys.executable, "-m", "bench.flask_mail_alone", str(port), str(count)]
    letter = json.dumps(_letter())

    def run() -> float:
        outcome = subprocess.run(command, cwd=ROOT, input=letter, text=True, stdout=subprocess.PIPE, check=True)
        return float(outcome.stdout)

    return run


def _letter() -> dict[str, str]:
    """A reminder of one connection, as the portal words it."""
    url = "http://127.0.0.1/connections/01a1f955-c2d7-746b-873d-5018431e9350"
    frame = Frame(
        organization_name="Acme",
        member_name="Ana Alvarez",
        public_url="http://127.0.0.1",
        link=f"http://127.0.0.1/login/{'x' * 64}",
        link_lives="82 hours",
    )
    line = Line("LinkedIn", "Page 1", "Login 1", 12, "2 December 2026", ended=False, connection_url=url)
    words = letters.render(EmailKind.REMINDER, frame, ReminderFacts((line,)))
    return {"subject": words.subject, "text": words.text, "html": words.html}
