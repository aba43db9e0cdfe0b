"""A connection whose refreshes go on failing although its provider is well: when that is told, and in which words."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from portal.rules.incidents import AlertWords
from portal.rules.verdicts import Fault

TOLD_AFTER = timedelta(days=1)  # an outage of hours passes by itself, and so does a provider's maintenance
SHOWN_AFTER = timedelta(hours=1)
NAMED_AT_MOST = 5
UNPROVED = "identity"  # the fault of tokens that are withheld because nothing proves whose they are


def is_told(failing_since: datetime, last_failure_at: datetime) -> bool:
    """Whether admins are e-mailed: it has failed again a day after it first did."""
    return last_failure_at - failing_since >= TOLD_AFTER


def is_shown(failing_since: datetime, access_ends_at: datetime | None, *, now: datetime) -> bool:
    """Whether its page speaks of it: for more than a moment, or already at the cost of backends."""
    is_over = access_ends_at is not None and access_ends_at <= now
    return is_over or now - failing_since >= SHOWN_AFTER


def reason(fault: str, provider_name: str) -> str:
    """What happens at each attempt, a sentence."""
    return _REASONS.get(fault, _REASONS[Fault.TRANSIENT]).format(provider=provider_name)


def advice(fault: str, provider_name: str, *, is_service: bool) -> str:
    """What an admin can do about it, one sentence or two."""
    renewing = "replace its key" if is_service else "have its member reconnect it"
    return _ADVICE.get(fault, _ADVICE[Fault.TRANSIENT]).format(provider=provider_name, renewing=renewing)


def alert_words(nicknames: Sequence[str], fault: str, provider_name: str, *, is_service: bool) -> AlertWords:
    """The one e-mail about everything of an organization at this provider that has failed for a day by now."""
    many = len(nicknames)
    what = f"“{nicknames[0]}”" if many == 1 else f"{many} connections"
    return AlertWords(
        title=f"{what} at {provider_name} could not be refreshed for a day",
        sentence=f"{reason(fault, provider_name)} {_named(nicknames)} All other connections work as before.",
        what_to_do=f"{advice(fault, provider_name, is_service=is_service)} We go on trying.",
    )


def _named(nicknames: Sequence[str]) -> str:
    if len(nicknames) == 1:
        return "Backends get its present token until that ends, and none after it."
    named, more = ", ".join(f"“{one}”" for one in nicknames[:NAMED_AT_MOST]), len(nicknames) - NAMED_AT_MOST
    concerned = named if more <= 0 else f"{named} and {more} more"
    return f"It is about {concerned}: backends get their present tokens until those end, and none after it."


_REASONS: Mapping[str, str] = MappingProxyType(
    {
        Fault.TRANSIENT: "{provider} does not answer as it should whenever we ask for a new token.",
        Fault.RATE_LIMITED: "{provider} asks us to wait whenever we ask for a new token.",
        Fault.APP_CONFIG: "{provider} refuses our app whenever we ask for a new token.",
        **dict.fromkeys(
            (Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING),
            "{provider} refuses to renew its tokens, as it does those of many others at the moment.",
        ),
        UNPROVED: "{provider} does not prove whose the new tokens are, so nobody gets them.",
    }
)
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        Fault.TRANSIENT: "If other connections at {provider} work, {renewing}: that often helps.",
        Fault.RATE_LIMITED: "Ask {provider} for a higher limit, or have the operator of Reconsent set a slower pace in "
        "the provider's file.",
        Fault.APP_CONFIG: "See at {provider} whether our app may still act for this login, and have the operator of "
        "Reconsent check the app's secret. If other connections there work, {renewing}.",
        **dict.fromkeys(
            (Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING),
            "See whether {provider} knows of trouble; the providers page says what to do if it does not.",
        ),
        UNPROVED: "Have the operator of Reconsent look into the log for what is wrong with the ID tokens; "
        "{renewing} if other connections at {provider} work.",
    }
)
