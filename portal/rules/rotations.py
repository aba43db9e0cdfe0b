"""What a refused refresh token says about rotation: whether somebody else may have used it."""

from datetime import datetime, timedelta

from portal.rules.verdicts import Fault

SUSPICIOUS_WITHIN = timedelta(minutes=10)
"""People withdraw an access at any time, and rarely minutes after we were given a new token; a provider that sees a
used token again ends all of the login's tokens at that moment (RFC 9700 section 4.14.2)."""


def is_reuse_suspected(fault: Fault, *, rotated_at: datetime | None, is_interrupted: bool, now: datetime) -> bool:
    """Whether a provider that rotates refuses a token that it gave us just before and that nobody here has used.

    `rotated_at` is None for a consent's own token; after an interrupted refresh it may have been us.
    """
    if fault is not Fault.REVOKED or rotated_at is None or is_interrupted:
        return False
    return now - rotated_at <= SUSPICIOUS_WITHIN
