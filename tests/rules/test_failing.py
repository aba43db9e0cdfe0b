"""When refreshes that fail are worth a word, and which."""

from datetime import timedelta

import pytest

from portal.rules import failing as rules
from portal.rules.failing import UNPROVED
from portal.rules.verdicts import Fault
from tests.factories import NOON

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
FAULTS = [*Fault, UNPROVED, "a word of tomorrow"]


@pytest.mark.parametrize(("lasted", "told"), [(timedelta(0), False), (DAY - SECOND, False), (DAY, True)])
def test_admins_are_told_once_it_has_failed_again_a_day_later(lasted: timedelta, told: bool) -> None:
    assert rules.is_told(NOON, NOON + lasted) is told


@pytest.mark.parametrize(
    ("since_ago", "ends_in", "shown"),
    [
        (SECOND, HOUR, False),
        (HOUR - SECOND, None, False),
        (HOUR, None, True),
        (HOUR, HOUR, True),
        (SECOND, SECOND, False),
        (SECOND, timedelta(0), True),
    ],
)
def test_a_page_speaks_of_it_after_an_hour_or_once_backends_get_nothing(
    since_ago: timedelta, ends_in: timedelta | None, shown: bool
) -> None:
    ends_at = None if ends_in is None else NOON + ends_in
    assert rules.is_shown(NOON - since_ago, ends_at, now=NOON) is shown


@pytest.mark.parametrize("is_service", [False, True])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_words_for_people(fault: str, is_service: bool) -> None:
    words = rules.alert_words(["Company page"], fault, "LinkedIn", is_service=is_service)
    assert words.title == "“Company page” at LinkedIn could not be refreshed for a day"
    assert not any("{" in part for part in (words.title, words.sentence, words.what_to_do))
    assert words.sentence.startswith("LinkedIn ")
    assert ("member" in words.what_to_do) is False or not is_service


@pytest.mark.parametrize(("many", "said"), [(2, "“N0”, “N1”:"), (5, "“N4”:"), (7, "“N4” and 2 more:")])
def test_several_are_told_together_and_named_as_far_as_there_is_room(many: int, said: str) -> None:
    words = rules.alert_words([f"N{n}" for n in range(many)], Fault.TRANSIENT, "LinkedIn", is_service=False)
    assert words.title == f"{many} connections at LinkedIn could not be refreshed for a day"
    assert said in words.sentence
