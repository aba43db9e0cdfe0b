"""Answering those who asked for a sign-in link."""

from portal import clock
from portal.services import sign_in


def answer(request_id: int) -> None:
    """One request, whether its address is known or not."""
    sign_in.answer(request_id, now=clock.now())


def answer_waiting() -> int:
    """The requests whose bell the queue lost."""
    return sign_in.answer_waiting(now=clock.now())
