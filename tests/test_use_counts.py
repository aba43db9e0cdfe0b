"""Counting in memory: nothing counted twice or lost, whatever fails, and never more memory than was meant."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal.use_counts import Counts, Pair, UseCounts
from tests.factories import NOON
from tests.patience import eventually

ORGANIZATION = UUID(int=1)
ONE: Pair = (UUID(int=2), UUID(int=3))


class Ledger:
    """What was written; refuses while `is_away`."""

    def __init__(self) -> None:
        self.written: dict[Pair, int] = {}
        self.batches = 0
        self.is_away = False

    def write(self, counts: Counts) -> None:
        if self.is_away:
            raise OSError("the database is away")
        self.batches += 1
        for pair, count in counts.items():
            self.written[pair] = self.written.get(pair, 0) + count.uses


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def counts() -> Iterator[UseCounts]:
    """Written only when a test says so."""
    made = UseCounts(write_every_s=3_600)
    yield made
    made.close()


def note(counts: UseCounts, ledger: Ledger, pair: Pair = ONE, later: timedelta = timedelta(0)) -> None:
    if counts.note(pair, ORGANIZATION, NOON + later):
        counts.start(ledger.write)


def test_many_threads_lose_no_count(counts: UseCounts, ledger: Ledger):
    stop = threading.Event()

    def write_all_along() -> None:
        while not stop.is_set():
            counts.write_now()

    writer = threading.Thread(target=write_all_along)
    note(counts, ledger)
    writer.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [note(counts, ledger) for _ in range(1_000)], range(8)))
    stop.set()
    writer.join()
    counts.write_now()
    assert ledger.written == {ONE: 8_001}


def test_a_thread_writes_soon_and_ends_when_nothing_is_left(ledger: Ledger):
    counts = UseCounts(write_every_s=0.01)
    note(counts, ledger)
    assert eventually(lambda: ledger.written == {ONE: 1})
    assert eventually(lambda: "use-counts" not in {thread.name for thread in threading.enumerate()})
    note(counts, ledger)
    assert eventually(lambda: ledger.written == {ONE: 2})
    counts.close()


def test_what_could_not_be_written_is_written_later_with_what_came_meanwhile(counts: UseCounts, ledger: Ledger):
    ledger.is_away = True
    note(counts, ledger)
    assert not counts.write_now()
    note(counts, ledger, later=timedelta(minutes=1))
    assert not counts.write_now()
    ledger.is_away = False
    assert counts.write_now()
    assert ledger.written == {ONE: 2}


def test_a_writer_does_not_give_up_while_the_database_is_away(ledger: Ledger):
    counts = UseCounts(write_every_s=0.01)
    ledger.is_away = True
    note(counts, ledger)
    assert eventually(lambda: counts._is_failing)
    ledger.is_away = False
    assert eventually(lambda: ledger.written == {ONE: 1})
    counts.close()


def test_memory_is_bounded_and_beyond_it_the_key_itself_is_counted(ledger: Ledger):
    counts = UseCounts(write_every_s=3_600, most=10)
    ledger.is_away = True
    key = uuid4()
    for _ in range(3):
        for number in range(100):
            note(counts, ledger, (key, UUID(int=number)))
        assert len(counts._counts) <= 11
        counts.write_now()
    ledger.is_away = False
    counts.write_now()
    assert sum(ledger.written.values()) == 300
    assert ledger.written[key, None] == 300 - 30
    counts.close()


def test_many_pairs_are_written_before_their_time(ledger: Ledger):
    counts = UseCounts(write_every_s=3_600, most=10)
    for number in range(11):
        note(counts, ledger, (ONE[0], UUID(int=number)))
    assert eventually(lambda: ledger.batches)
    counts.close()


def test_a_forked_process_does_not_write_its_parents_counts(counts: UseCounts, ledger: Ledger):
    note(counts, ledger)
    child = os.fork()
    if child == 0:
        begins_anew = not counts._counts and counts.note(ONE, ORGANIZATION, NOON)
        os._exit(0 if begins_anew else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    counts.write_now()
    assert ledger.written == {ONE: 1}


def test_a_closed_portal_counts_no_more(counts: UseCounts, ledger: Ledger):
    note(counts, ledger)
    counts.close()
    note(counts, ledger)
    counts.write_now()
    assert ledger.written == {}
