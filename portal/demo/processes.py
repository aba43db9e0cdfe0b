"""The demo's processes: started in order, watched, and ended cleanly in the reverse order."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

READY_WITHIN_S = 60.0
END_WITHIN_S = 15.0


class DemoFailed(Exception):
    """A part of the demo did not start, or ended by itself; the text says which and where its log is."""


@dataclass(frozen=True, slots=True)
class Running:
    """One started process."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None


class Processes:
    """What was started so far. Each process has a session of its own, so that Ctrl-C reaches the launcher alone."""

    def __init__(self, log_dir: Path, environ: Mapping[str, str]) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir = log_dir
        self._environ = dict(environ)
        self._running: list[Running] = []

    def start(self, name: str, arguments: Sequence[str]) -> Running:
        """Start `python -m ...` with its output in a log of its own."""
        log = self._log_dir / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own modules, by our own interpreter
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environ,
                start_new_session=True,
            )
        running = Running(name, process, log)
        self._running.append(running)
        return running

    def wait_listening(self, running: Running, host: str, port: int) -> None:
        """Wait until the process answers at its port."""
        ends = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < ends:
            if running.has_ended:
                raise DemoFailed(f"The {running.name} did not start; see {running.log}")
            with socket.socket() as probe:
                if probe.connect_ex((host, port)) == 0:
                    return
            time.sleep(0.05)
        raise DemoFailed(f"The {running.name} does not answer at port {port}; see {running.log}")

    def check(self) -> None:
        """Raise DemoFailed when one has ended by itself."""
        for running in self._running:
            if running.has_ended:
                raise DemoFailed(f"The {running.name} has ended unexpectedly; see {running.log}")

    def end_all(self) -> None:
        """Ask each to end, last started first, and insist after a while."""
        for running in reversed(self._running):
            if not running.has_ended:
                running.process.send_signal(signal.SIGTERM)
        ends = time.monotonic() + END_WITHIN_S
        for running in reversed(self._running):
            try:
                running.process.wait(max(0.1, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                running.process.kill()
                running.process.wait()
