from datetime import UTC, datetime, timedelta

import pytest

from portal.rules.revocations import Unrevoked, unrevoked

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
WEEK, SECOND = timedelta(days=7), timedelta(seconds=1)


@pytest.mark.parametrize(
    ("is_outstanding", "is_unsupported", "age", "found"),
    [
        (False, False, WEEK, None),
        (True, False, WEEK - SECOND, Unrevoked.OUTSTANDING),
        (True, False, WEEK, Unrevoked.UNCONFIRMED),
        (False, True, SECOND, Unrevoked.UNSUPPORTED),
        (False, True, WEEK, Unrevoked.UNSUPPORTED),
    ],
)
def test_what_is_left_at_the_provider(
    is_outstanding: bool, is_unsupported: bool, age: timedelta, found: Unrevoked | None
) -> None:
    told = unrevoked(is_outstanding=is_outstanding, is_unsupported=is_unsupported, since=NOON, now=NOON + age)
    assert told is found
