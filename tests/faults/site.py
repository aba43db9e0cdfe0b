"""A portal at work: web, workers and schedulers as processes of their own, over one database, one Redis, one clock."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import requests
from flask import Flask

from portal import clock
from tests.faults.processes import Process
from tests.patience import eventually

GUNICORN = ("-m", "gunicorn", "-c", "python:portal.web_server", "-b", "127.0.0.1:0", "wsgi:app")
TIMEOUT_S = 60
LOOK_AROUND_S = 2.5  # what the portal needs to see a moved clock, ring, and do what has become due


class Web:
    """One gunicorn and the address it listens at."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url = process.wait_for_words("Listening at:").split("Listening at: ")[1].split()[0]

    def wait_until_it_answers(self) -> "Web":
        assert requests.get(f"{self.url}/healthz", timeout=TIMEOUT_S).ok
        return self


class Site:
    """The processes of one portal. `app` is a portal of the test's own process, for what tests look up or prepare."""

    def __init__(self, app: Flask, environ: Mapping[str, str], folder: Path) -> None:
        self.app, self.folder = app, folder
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONWARNINGS": "ignore", **environ}
        self.processes: list[Process] = []
        self._number = count(1)

    # Processes

    def start(self, name: str, *arguments: str, **environ: str) -> Process:
        """`python <arguments>` in the portal's environment."""
        log = self.folder / f"{next(self._number):02}-{name}.log"
        process = Process(name, [sys.executable, *arguments], self.environ | environ, log)
        self.processes.append(process)
        return process

    def portal(self, *arguments: str) -> Process:
        return self.start(arguments[0], "-m", "portal.cli", *arguments)

    def web(self, *, workers: int = 1, **environ: str) -> Web:
        return Web(self.start("web", *GUNICORN, WEB_CONCURRENCY=str(workers), **environ)).wait_until_it_answers()

    def webs(self, number: int, **environ: str) -> list[Web]:
        """Several at once, each with an address of its own."""
        started = [self.start("web", *GUNICORN, WEB_CONCURRENCY="1", **environ) for _ in range(number)]
        return [Web(process).wait_until_it_answers() for process in started]

    def portal_web(self) -> Process:
        """A web process nobody waits for."""
        return self.start("web", *GUNICORN, WEB_CONCURRENCY="1")

    def worker(self) -> Process:
        return self.portal("worker")

    def scheduler(self) -> Process:
        return self.portal("scheduler")

    def tick(self) -> Process:
        return self.portal("tick")

    def tick_now(self) -> str:
        """One whole `portal tick`; returns what it printed."""
        ticking = self.tick()
        status = ticking.wait()
        assert status == 0, ticking.said
        return ticking.said

    # Time

    @property
    def clock_file(self) -> Path:
        path = self.app.extensions["reconsent"].config.clock_path
        assert path is not None
        return path

    def now(self) -> datetime:
        """What every process takes for now."""
        return datetime.now(UTC) + clock.read_offset(self.clock_file)

    def move_clock(self, by: timedelta) -> None:
        clock.move(self.clock_file, by)

    def travel_to(self, moment: datetime) -> None:
        self.move_clock(moment - self.now())

    def pass_time(self, until: Callable[[], object], *, by: timedelta, at_most: timedelta) -> timedelta | None:
        """Go forward by small steps until the claim is true; returns how much time of the portal's that took.

        None when it took more than that: then the claim is still false.
        """
        began = self.now()
        while not eventually(until, within_s=LOOK_AROUND_S):
            if self.now() - began > at_most:
                return None
            self.move_clock(by)
        return self.now() - began

    # The end

    def close(self) -> None:
        for process in self.processes:
            process.close()


@contextmanager
def running(app: Flask, environ: Mapping[str, str], folder: Path) -> Iterator[Site]:
    site = Site(app, environ, folder)
    try:
        yield site
    finally:
        site.close()
