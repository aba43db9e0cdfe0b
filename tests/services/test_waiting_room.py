"""Callers who wait for providers leave room for everybody else."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask

from portal.rules.problems import ProviderUnavailable
from portal.services.waiting_room import WaitingRoom, seats, seats_of_one

MakeRoom = Callable[[int], WaitingRoom]


@pytest.fixture
def make_room(make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str]) -> Iterator[MakeRoom]:
    """The room of a web process with so many threads."""
    with ExitStack() as inside:

        def make(threads: int) -> WaitingRoom:
            inside.enter_context(make_app(environ | {"PORTAL_THREADS": str(threads)}).app_context())
            return WaitingRoom()

        yield make


@contextmanager
def waiting(room: WaitingRoom, *provider_ids: str) -> Iterator[None]:
    with ExitStack() as seated:
        for provider_id in provider_ids:
            seated.enter_context(room.seat(provider_id))
        yield


def test_two_hundred_callers_of_one_provider_find_seats_in_one_process(make_room: MakeRoom) -> None:
    with waiting(make_room(256), *["slow"] * 200):
        pass


def test_one_providers_callers_leave_seats_for_the_others(make_room: MakeRoom) -> None:
    room = make_room(8)
    with waiting(room, *["slow"] * 6):
        with pytest.raises(ProviderUnavailable), room.seat("slow"):
            pass
        with room.seat("quick"):
            pass


def test_all_callers_together_are_limited(make_room: MakeRoom) -> None:
    room = make_room(8)
    with waiting(room, *["slow"] * 6, "quick"), pytest.raises(ProviderUnavailable), room.seat("another"):
        pass


def test_a_seat_is_free_again_after_a_failure(make_room: MakeRoom) -> None:
    room = make_room(1)
    with pytest.raises(RuntimeError), room.seat("slow"):
        raise RuntimeError
    with room.seat("slow"):
        pass


def test_some_threads_never_wait_for_providers() -> None:
    assert all(0 < seats_of_one(threads) <= seats(threads) < threads for threads in range(2, 1025))
