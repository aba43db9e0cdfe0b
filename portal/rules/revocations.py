"""What is known of a disconnected connection's access at its provider, where that may live on."""

from datetime import datetime, timedelta
from enum import StrEnum

TRIED_FOR = timedelta(days=7)  # then the tokens are forgotten: keeping secrets to end them must itself end


class Unrevoked(StrEnum):
    """Why an access that has ended here may live on at its provider."""

    OUTSTANDING = "outstanding"  # its end is not confirmed, and is asked for again
    UNCONFIRMED = "unconfirmed"  # it never was, and is not asked for any more
    UNSUPPORTED = "unsupported"  # the provider has no way to be asked


def unrevoked(*, is_outstanding: bool, is_unsupported: bool, since: datetime, now: datetime) -> Unrevoked | None:
    """How the provider's part of a disconnection stands that was made at `since`; None when nothing of it is left."""
    if is_unsupported:
        return Unrevoked.UNSUPPORTED
    if not is_outstanding:
        return None
    return Unrevoked.OUTSTANDING if now < since + TRIED_FOR else Unrevoked.UNCONFIRMED
