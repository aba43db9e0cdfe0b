"""Runs in turns: what is compared is measured alternately, so that a busy machine slows all of it alike."""

import gc
import statistics
from collections.abc import Callable, Mapping
from time import perf_counter

Measured = Callable[[], float]


def in_turns(runs: Mapping[str, Measured], *, repeats: int, warm_up: int = 1) -> dict[str, float]:
    """The median of what each run returns, over `repeats` rounds of all of them; the first rounds do not count."""
    gc.collect()
    gc.freeze()  # what was made to prepare a measurement is nothing its runs should pay for
    rounds: list[dict[str, float]] = []
    for number in range(warm_up + repeats):
        names = list(runs)[:: 1 if number % 2 else -1]  # nobody always comes after the same neighbour
        rounds.append({name: runs[name]() for name in names})
    gc.unfreeze()
    counted = rounds[warm_up:]
    return {name: statistics.median(one[name] for one in counted) for name in runs}


def milliseconds(act: Callable[[], object]) -> Measured:
    """A run that returns how long `act` took."""

    def run() -> float:
        began = perf_counter()
        act()
        return (perf_counter() - began) * 1000

    return run
