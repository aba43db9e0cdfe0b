"""What can go wrong when a backend asks for a token, each with what it can do about it."""

from datetime import datetime, timedelta


class ReconsentError(Exception):
    """Everything this package raises. `code` is the portal's own word for it, where it gave one."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Unauthorized(ReconsentError):
    """The API key is missing, unknown, past its end or revoked: somebody has to look at it."""


class ConnectionUnknown(ReconsentError):
    """The organization has no such connection, or the API key is for other providers."""


class ReconsentRequired(ReconsentError):
    """Only the connection's member can help, and has been asked to. Stop asking for a while.

    `reason` says in plain words why, `since` from when on.
    """

    def __init__(self, message: str, *, code: str = "", reason: str = "", since: datetime | None = None) -> None:
        super().__init__(message, code=code)
        self.reason = reason
        self.since = since


class Unavailable(ReconsentError):
    """Nothing can be had at this moment. Come back after `retry_after`; where that is None, nobody said when."""

    def __init__(self, message: str, *, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after = retry_after


class ProviderUnavailable(Unavailable):
    """The provider does not answer as it should, and the token at hand is no longer good enough."""


class PortalUnavailable(Unavailable):
    """The portal itself could not be reached, or could not answer."""


class RequestRefused(ReconsentError):
    """The portal found something wrong with the request itself: asking again will not help."""
