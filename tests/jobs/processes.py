"""The command line's long-running processes, started as an operator would."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ENDS_WITHIN_S = 30


@contextmanager
def running(
    environ: Mapping[str, str], *arguments: str, log: IO[bytes] | int = subprocess.DEVNULL
) -> Iterator["subprocess.Popen[bytes]"]:
    """`portal <arguments>` as a process of its own; it is told to end when the test has ended, if it still runs."""
    command = [sys.executable, "-m", "portal.cli", *arguments]
    process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            end(process)


def end(process: "subprocess.Popen[bytes]", how: signal.Signals = signal.SIGTERM) -> int:
    """Tell a process to end and return its exit code."""
    process.send_signal(how)
    return process.wait(ENDS_WITHIN_S)


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def is_running(pid: int) -> bool:
    """Whether a process of that number exists and is not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
