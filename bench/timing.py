"""Runs in turns: what is compared is measured alternately, so that a busy machine slows all of it alike."""

import gc
import statistics
from collections.abc import Callable, Mapping
from time import perf_counter

Measured = Callable[[], float]


def in_turns(runs: Mapping[str, Measured], *, repeats: int, warm_up: int = 1) -> dict[str, float]:
    """The median of what each run returns, over `repeats` rounds of all of them; the first rounds do not count."""
    rounds: list[dict[str, float]] = []
    for number in range(warm_up + repeats):
        names = list(runs)[:: 1 if number % 2 else -1]  # nobody always comes after the same neighbour
        rounds.append({name: runs[name]() for name in names})
    counted = rounds[warm_up:]
    return {name: statistics.median(one[name] for one in counted) for name in runs}


def milliseconds(act: Callable[[], object]) -> Measured:
    """A run that returns how long `act` took."""

    def run() -> float:
        gc.disable()  # a collection that one run owes to all before it would be charged to that one
        began = perf_counter()
        act()
        took = perf_counter() - began
        gc.enable()
        return took * 1000

    return run
