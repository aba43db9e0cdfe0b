"""Whether a refused refresh token means that somebody else has used it."""

from datetime import timedelta

import pytest

from portal.rules.rotations import SUSPICIOUS_WITHIN, is_reuse_suspected
from portal.rules.verdicts import Fault
from tests.rules.strategies import NOON

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fault", "age", "is_interrupted", "is_suspected"),
    [
        (Fault.REVOKED, SECOND, False, True),
        (Fault.REVOKED, SUSPICIOUS_WITHIN, False, True),
        (Fault.REVOKED, SUSPICIOUS_WITHIN + SECOND, False, False),
        (Fault.REVOKED, None, False, False),
        (Fault.REVOKED, SECOND, True, False),
        (Fault.EXPIRED, SECOND, False, False),
        (Fault.SCOPE_MISSING, SECOND, False, False),
    ],
)
def test_a_token_refused_right_after_it_was_given_is_suspicious(
    fault: Fault, age: timedelta | None, is_interrupted: bool, is_suspected: bool
) -> None:
    rotated_at = None if age is None else NOON - age
    is_found = is_reuse_suspected(fault, rotated_at=rotated_at, is_interrupted=is_interrupted, now=NOON)
    assert is_found is is_suspected
