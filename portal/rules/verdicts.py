"""The words of the fault classifier: where an answer came from, what it means and what is done about it."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Phase(StrEnum):
    """What was asked when the provider answered."""

    TOKEN = "token"  # noqa: S105 - the name of an endpoint
    API = "api"
    USERINFO = "userinfo"
    INTROSPECT = "introspect"
    JWT = "jwt"


AT_TOKEN_ENDPOINT = (Phase.TOKEN, Phase.JWT)  # a tuple, for words of an enum are slow to hash


class Fault(StrEnum):
    """What a provider's answer says about the credentials; expired, revoked and scope-missing may concern a member."""

    EXPIRED = "expired"
    REVOKED = "revoked"
    TRANSIENT = "transient"
    RATE_LIMITED = "rate-limited"
    SCOPE_MISSING = "scope-missing"
    APP_CONFIG = "app-config"
    NOT_AUTH = "not-auth"
    OK = "ok"


class FaultAction(StrEnum):
    """What is done about a fault."""

    REFRESH = "refresh"
    RECONSENT = "reconsent"
    RETRY = "retry"
    BACKOFF = "backoff"
    ADD_SCOPE = "add_scope"
    FIX_APP = "fix_app"
    DIFF_ACCOUNTS = "diff_accounts"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A classified answer; `reason` is fit for logs and pages, `retry_after` is what the provider asked us to wait."""

    fault: Fault
    action: FaultAction
    reason: str
    retry_after: timedelta | None = None


def usual_action(fault: Fault, phase: Phase) -> FaultAction:
    """What is done about a fault unless a rule says otherwise: an expired token is refreshed, an expired grant not."""
    if fault is Fault.EXPIRED and phase in AT_TOKEN_ENDPOINT:
        return FaultAction.RECONSENT
    return _USUAL[fault]


_USUAL = {
    Fault.EXPIRED: FaultAction.REFRESH,
    Fault.REVOKED: FaultAction.RECONSENT,
    Fault.TRANSIENT: FaultAction.RETRY,
    Fault.RATE_LIMITED: FaultAction.BACKOFF,
    Fault.SCOPE_MISSING: FaultAction.ADD_SCOPE,
    Fault.APP_CONFIG: FaultAction.FIX_APP,
    Fault.NOT_AUTH: FaultAction.NONE,
    Fault.OK: FaultAction.NONE,
}
