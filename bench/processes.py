"""Processes of a measurement's own: gunicorn with the product's settings, and small servers of ours."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import eventually

ROOT = Path(__file__).resolve().parents[1]
STARTS_WITHIN_S = 60
ENDS_WITHIN_S = 30

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Served:
    """Where an app is served, and by whose children."""

    address: Address
    pid: int


@contextmanager
def gunicorn(target: str, environ: Mapping[str, str], log: Path, *, workers: int) -> Iterator[Address]:
    """As `served`, for those who need the address alone."""
    with served(target, environ, log, workers=workers) as server:
        yield server.address


@contextmanager
def served(target: str, environ: Mapping[str, str], log: Path, *, workers: int) -> Iterator[Served]:
    """A WSGI app served as in production, by so many processes; it has answered a request when this yields."""
    with listening() as listener:
        options = ["-c", "python:portal.web_server", "-b", f"fd://{listener.fileno()}", "--log-level", "warning"]
        command = [sys.executable, "-m", "gunicorn", *options, "-w", str(workers), target]
        with running(command, environ, log, listener=listener) as server:
            address: Address = listener.getsockname()
            _await_answer(address, server, log)
            yield Served(address, server.pid)


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A listening socket on a free port: a child that inherits it cannot be too late."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener


@contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], log: Path, *, listener: socket.socket | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is ended, politely first, when the block is left."""
    inherited = [listener.fileno()] if listener else []
    environ = {**_plain_environment(), **environ}
    streams: dict[str, Any] = {"stdin": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with (
        log.open("ab") as output,
        subprocess.Popen(command, cwd=ROOT, env=environ, stdout=output, pass_fds=inherited, **streams) as child,
    ):
        try:
            yield child
        finally:
            _end(child)


def _plain_environment() -> dict[str, str]:
    """Ours without what configures a portal or gunicorn."""
    strange = ("PORTAL_", "GUNICORN_", "WEB_CONCURRENCY")
    return {name: value for name, value in os.environ.items() if not name.startswith(strange)}


def _end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _await_answer(address: Address, server: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended before it answered:\n{log.read_text(errors='replace')[-3000:]}")
        with suppress(TimeoutError), socket.create_connection(address, timeout=2) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return bool(connection.recv(1))
        return False

    if not eventually(answers, within_s=STARTS_WITHIN_S):
        raise RuntimeError(f"the server does not answer:\n{log.read_text(errors='replace')[-3000:]}")
