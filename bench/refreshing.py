"""Ten thousand tokens due at once, refreshed by two workers, beside a bare loop and two simpler ways of doing it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from time import perf_counter

from bench.due import Due, due_connections
from bench.figures import Bound, Figure, Median, at_least, at_most
from bench.processes import ROOT, Address
from bench.site import Portal, Site
from bench.slow_provider import ledger, slow_provider
from bench.timing import Measured, in_turns
from bench.workers import workers
from portal import clock
from portal.services import tokens
from portal.services import workers as queue

THINKS_S = 0.05
PROCESSES = 2
WIDTH = 100
REPEATS = 3
EACH_ALONE = 50  # as many times more are refreshed where it goes fast


def measure(site: Site) -> Iterator[Figure]:
    due, few = site.size.refreshes, max(10, site.size.refreshes // EACH_ALONE)
    with ExitStack() as until_end:
        provider = until_end.enter_context(slow_provider(site.folder, thinks_s=THINKS_S))
        portal = until_end.enter_context(site.portal("refreshing", provider.environ))
        rows = until_end.enter_context(due_connections(portal, due))
        until_end.enter_context(workers(site, portal.environ, processes=PROCESSES))
        runs = {
            "portal": _batches(portal, rows, due),
            "bare": _bare(provider.address, due),
            "jobs": _a_job_each(portal, rows, few),
            "loop": _one_by_one(portal, rows, max(10, few // 5)),
        }
        medians = in_turns(runs, repeats=min(REPEATS, site.size.rounds))
        most_calls = max(ledger(provider.address).values())
    words = f"{due:,} due refreshes by {PROCESSES} workers"
    yield _figure(site, medians, "bare", f"{words}", "bare loop without a database", at_least(0.6))
    yield _figure(site, medians, "jobs", f"{words}", "a job for each", at_least(10))
    yield _figure(site, medians, "loop", f"{words}", "one after the other", at_least(10))
    shown = Median("most times a refresh token was shown", most_calls, "calls")
    yield Figure("refreshes", site.kind, shown, Median("allowed", 1, "calls"), at_most(1))


def _figure(site: Site, medians: dict[str, float], beside: str, subject: str, reference: str, bound: Bound) -> Figure:
    measured, compared = Median(subject, medians["portal"], "/s"), Median(reference, medians[beside], "/s")
    return Figure("refreshes", site.kind, measured, compared, bound)


def _batches(portal: Portal, rows: Due, count: int) -> Measured:
    """As the ticker rings for it: a worker claims what is due and rings for the batches."""

    def run() -> float:
        rows.make_due(count)
        before = rows.refreshes()
        with portal.app.app_context():
            began = perf_counter()
            queue.ring("jobs.tokens.ring_due")
            rows.await_refreshes(before + count)
        return count / (perf_counter() - began)

    return run


def _a_job_each(portal: Portal, rows: Due, count: int) -> Measured:
    """The same workers, rung for once for each connection."""

    def run() -> float:
        rows.make_due(count)
        before = rows.refreshes()
        with portal.app.app_context():
            began = perf_counter()
            for batch in tokens.claim_due_batches(now=clock.now()):
                for one in batch:
                    queue.ring("jobs.tokens.refresh_batch", [str(one)])
            rows.await_refreshes(before + count)
        return count / (perf_counter() - began)

    return run


def _one_by_one(portal: Portal, rows: Due, count: int) -> Measured:
    """A loop, as a cron job of one's own would be written."""

    def run() -> float:
        rows.make_due(count)
        before = rows.refreshes()
        with portal.app.app_context():
            now = clock.now()
            began = perf_counter()
            for batch in tokens.claim_due_batches(now=now):
                for one in batch:
                    tokens.refresh_batch([one], now=now)
            took_s = perf_counter() - began
        rows.await_refreshes(before + count)
        return count / took_s

    return run


def _bare(provider: Address, count: int) -> Measured:
    command = [sys.executable, "-m", "bench.bare_refreshes", str(provider[1]), str(count), str(WIDTH)]

    def run() -> float:
        return float(subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True).stdout)

    return run
