"""How moments and durations leave the portal in headers and JSON."""

from datetime import UTC, datetime, timedelta


def whole_seconds(duration: timedelta) -> int:
    """The seconds of a `Retry-After` header: rounded up, so that nobody comes back too early, and at least one."""
    return max(1, -(-duration // timedelta(seconds=1)))


def in_iso(moment: datetime) -> str:
    """ISO 8601 in UTC with a `Z`, the form of every moment in our JSON."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
