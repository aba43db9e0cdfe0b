from datetime import UTC, datetime, timedelta, timezone

import pytest

from portal.rules.moments import in_iso, whole_seconds


@pytest.mark.parametrize(
    ("milliseconds", "seconds"), [(-5000, 1), (0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (2000, 2), (59_001, 60)]
)
def test_a_wait_is_rounded_up_to_whole_seconds_and_is_never_nothing(milliseconds: int, seconds: int) -> None:
    assert whole_seconds(timedelta(milliseconds=milliseconds)) == seconds


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 20, 12, tzinfo=UTC), "2026-11-20T12:00:00Z"),
        (datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2))), "2026-11-20T10:00:00Z"),
    ],
)
def test_moments_leave_in_utc_with_a_z(moment: datetime, text: str) -> None:
    assert in_iso(moment) == text
