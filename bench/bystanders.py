"""Requests of others while something else is going on: one every few milliseconds, whatever became of the one before.

`python -m bench.bystanders <host> <port>`, the requests as a line of JSON on standard input; when that ends, prints
when each was sent, by the machine's monotonic clock, and how long its answer took. A process of its own, so that
nobody else's work delays its look at the clock.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from time import monotonic

from bench.calls import Caller, connected
from bench.processes import ROOT, Address

EVERY_S = 0.02
GIVE_UP_AFTER_S = 10.0


@dataclass
class Waits:
    """How long bystanders waited; filled in when they are called off."""

    taken: list[tuple[float, float]] = field(default_factory=list)

    def slowest_s(self, *, since: float, until: float) -> float:
        """The longest wait of those that waited in that time."""
        return max(took for asked_at, took in self.taken if asked_at < until and asked_at + took > since)


@contextmanager
def bystanders(address: Address, requests: Sequence[bytes]) -> Iterator[Waits]:
    """Others asking for these things, until the block is left."""
    command = [sys.executable, "-m", "bench.bystanders", *map(str, address)]
    waits = Waits()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(json.dumps([request.decode("ascii") for request in requests]) + "\n")
        child.stdout.readline()  # they have begun
        yield waits
        told, _ = child.communicate()
    waits.taken += [(asked_at, took) for asked_at, took in json.loads(told)]


async def _ask_until_called_off(address: Address, requests: Sequence[bytes]) -> list[tuple[float, float]]:
    called_off = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    free = [await connected(address) for _ in requests]
    asked = [asyncio.create_task(_ask(address, free, requests[0])) for _ in range(len(free))]  # so all are known
    print("begun", flush=True)
    for request in cycle(requests):
        await asyncio.wait([called_off], timeout=EVERY_S)
        if called_off.done():
            return [await asyncio.wait_for(one, GIVE_UP_AFTER_S) for one in asked]
        asked.append(asyncio.create_task(_ask(address, free, request)))
    raise AssertionError("there are requests without end")


async def _ask(address: Address, free: list[Caller], request: bytes) -> tuple[float, float]:
    asked_at = monotonic()
    caller = free.pop() if free else await connected(address)
    answer = await caller.ask(request)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"a bystander was refused: {answer!r}")
    if not caller.is_closed:
        free.insert(0, caller)
    return asked_at, monotonic() - asked_at


def main(host: str, port: int) -> None:
    requests = [text.encode("ascii") for text in json.loads(sys.stdin.readline())]
    print(json.dumps(asyncio.run(_ask_until_called_off((host, port), requests))))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
