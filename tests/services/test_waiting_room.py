"""Callers who wait for providers leave room for everybody else."""

from contextlib import ExitStack

import pytest

from portal.config import THREADS
from portal.rules.problems import ProviderUnavailable
from portal.services.waiting_room import SEATS, SEATS_OF_ONE, WaitingRoom


def test_two_hundred_callers_of_one_provider_find_seats_in_one_process() -> None:
    room = WaitingRoom()
    with ExitStack() as seated:
        for _ in range(200):
            seated.enter_context(room.seat("slow"))


def test_one_providers_callers_leave_seats_for_the_others() -> None:
    room = WaitingRoom(seats=5, of_one=3)
    with room.seat("slow"), room.seat("slow"), room.seat("slow"):
        with pytest.raises(ProviderUnavailable), room.seat("slow"):
            pass
        with room.seat("quick"):
            pass


def test_all_callers_together_are_limited() -> None:
    room = WaitingRoom(seats=2, of_one=2)
    with room.seat("slow"), room.seat("quick"), pytest.raises(ProviderUnavailable), room.seat("another"):
        pass


def test_a_seat_is_free_again_after_a_failure() -> None:
    room = WaitingRoom(seats=1, of_one=1)
    with pytest.raises(RuntimeError), room.seat("slow"):
        raise RuntimeError
    with room.seat("slow"):
        pass


def test_some_threads_never_wait_for_providers() -> None:
    assert SEATS_OF_ONE < SEATS < THREADS
