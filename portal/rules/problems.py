"""Expected failures by name, mapped in one place to a page or to `application/problem+json` (RFC 9457).

The first paragraph of each docstring is what people read: `portal.rules.problem` takes title and advice from it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from portal.rules.moments import in_iso, whole_seconds
from portal.rules.operator_problems import ConfigurationInvalid as ConfigurationInvalid  # noqa: PLC0414 - as `Problem`, below
from portal.rules.operator_problems import DatabaseNewer as DatabaseNewer  # noqa: PLC0414 - as `Problem`, below
from portal.rules.operator_problems import ImportRefused as ImportRefused  # noqa: PLC0414 - as `Problem`, below
from portal.rules.operator_problems import OrganizationUnknown as OrganizationUnknown  # noqa: PLC0414 - as `Problem`, below
from portal.rules.problem import Problem as Problem  # noqa: PLC0414 - the name people import from here

# Asking


class NotFound(Problem):
    """There is nothing here. It may have been removed, or it belongs to somebody else."""

    code = "not_found"
    status = 404


class Forbidden(Problem):
    """You may not do this. If you think you should, ask an admin of your organization."""

    code = "forbidden"
    status = 403


class SignInRequired(Problem):
    """Please sign in first. You will be taken to where you were going."""

    code = "sign_in_required"
    status = 401


class ProviderOutsideKey(Problem):
    """This API key is for other providers. Nothing was changed; use a key that may ask for this one."""

    code = "provider_outside_key"
    status = 403


class HostUnknown(Problem):
    """This is not the portal's host name. It answers under that of PORTAL_PUBLIC_URL alone: a proxy must pass it on."""

    code = "host_unknown"
    status = 400


class InvalidRequest(Problem):
    """Something in this request is not right. Nothing was changed; please correct it and try again.

    `errors` maps each wrong field to a sentence about it.
    """

    code = "invalid_request"
    status = 400

    def __init__(self, errors: Mapping[str, str], detail: str = "") -> None:
        super().__init__(detail or " ".join(_each_named(errors)), fields={"errors": dict(errors)})
        self.errors = dict(errors)


class Conflict(Problem):
    """This changed while you were looking at it. Please look again before you go on."""

    code = "conflict"
    status = 409


class RateLimited(Problem):
    """There were too many requests. Please wait a little and try again."""

    code = "rate_limited"
    status = 429

    def __init__(self, retry_after: timedelta, detail: str = "") -> None:
        super().__init__(detail, fields={"retry_after_s": whole_seconds(retry_after)})
        self.retry_after = retry_after


# People


class LastAdmin(Problem):
    """This is the organization's last org admin. Make somebody else an org admin first."""

    code = "last_admin"
    status = 409


class MemberDeactivated(Problem):
    """This person is deactivated. Reactivate them first."""

    code = "member_deactivated"
    status = 409


# Tokens and providers


class ReconsentRequired(Problem):
    """The connection's owner has to consent again. No token can be given until they have."""

    code = "reconsent_required"
    status = 409

    def __init__(self, reason: str, since: datetime) -> None:
        super().__init__(fields={"reason": reason, "since": in_iso(since)})
        self.reason = reason
        self.since = since


class ProviderUnavailable(Problem):
    """The provider does not answer as it should right now. The connection itself is fine; please try again shortly."""

    code = "provider_unavailable"
    status = 503

    def __init__(self, retry_after: timedelta, detail: str = "") -> None:
        super().__init__(detail, fields={"retry_after_s": whole_seconds(retry_after)})
        self.retry_after = retry_after


class TokensUnreadable(ProviderUnavailable):
    """What is stored of this connection's tokens cannot be opened. Its admins are told; please try again later."""

    code = "unavailable"


class ProviderRefused(Problem):
    """The provider refused the request. Nothing was changed; if it happens again, please tell an admin."""

    code = "provider_refused"
    status = 502


class ProviderNotConfigured(Problem):
    """This provider is not set up here. An operator has to enter the app's credentials first."""

    code = "provider_not_configured"
    status = 409


# Consent


class ConsentAttemptInvalid(Problem):
    """This answer from the provider belongs to nothing you started here. Nothing was changed; please start again."""

    code = "consent_attempt_invalid"
    status = 400


class ConsentAttemptExpired(Problem):
    """You took longer than 15 minutes at the provider. Nothing was changed; please start again."""

    code = "consent_attempt_expired"
    status = 410


class ConsentDenied(Problem):
    """The provider tells us that you did not agree. Nothing was changed; what worked before still works."""

    code = "consent_denied"
    status = 403


class IdentityUnverified(Problem):
    """We could not make sure who signed in at the provider. Nothing was changed; please start again."""

    code = "identity_unverified"
    status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(f"The provider's statement was refused: {reason}.", fields={"reason": reason})
        self.reason = reason


class PendingGrantGone(Problem):
    """This decision is no longer open. It was made already, or it waited for more than 15 minutes."""

    code = "pending_grant_gone"
    status = 410


class KeyReplaced(Problem):
    """This API key was replaced or revoked already. Nothing was changed; the newer key of its name can be replaced."""

    code = "key_replaced"
    status = 409


def _each_named(errors: Mapping[str, str]) -> list[str]:
    """One sentence speaks for itself; of several each says what it is about."""
    return [f"{name}: {text}" for name, text in errors.items()] if len(errors) > 1 else list(errors.values())
