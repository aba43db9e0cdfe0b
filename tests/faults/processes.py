"""Processes that tests start, signal and kill by the pid they recorded; none outlives the test process."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.patience import eventually

ROOT = Path(__file__).parents[2]
KEEPER = """
exec 3<&0
"$@" >>"$KEEPER_LOG" 2>&1 3<&- & kept=$!
echo $kept
{ cat; kill -s KILL $kept; } <&3 >/dev/null 2>&1 & watch=$!
exec 3<&-
wait $kept; ended=$?
kill $watch 2>/dev/null
exit $ended
"""
ENDED_WITHIN_S = 60.0


class Process:
    """One process of a running portal; its output goes into a file of its own."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
        self.name, self.log = name, log
        log.touch()
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the shell's own remarks about a killed child
            env={**environ, "KEEPER_LOG": str(log)},
            cwd=ROOT,
        )
        assert self._keeper.stdout is not None
        self.pid = int(self._keeper.stdout.readline())

    @property
    def is_running(self) -> bool:
        return self._keeper.poll() is None

    @property
    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def kill(self) -> None:
        """SIGKILL: it gets no chance to tidy up."""
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> int:
        """SIGTERM, as a restart by an operator; returns the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.kill(self.pid, number)

    def wait(self, within_s: float = ENDED_WITHIN_S) -> int:
        """Its exit status, once it has ended by itself or was told to."""
        return self._keeper.wait(within_s)

    def wait_for_words(self, words: str, *, within_s: float = ENDED_WITHIN_S) -> str:
        """The line with these words, as soon as it is written."""
        found = eventually(lambda: words in self.said or not self.is_running, within_s=within_s)
        assert found, f"{self.name} did not say {words!r}: {self.said[-2000:]}"
        assert words in self.said, f"{self.name} has ended: {self.said[-2000:]}"
        return next(line for line in self.said.splitlines() if words in line)

    def close(self) -> None:
        """End of the test: whatever still runs is killed by its keeper."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(ENDED_WITHIN_S)
        self._keeper.stdout.close()
