"""What a provider's file says, in sentences for admins: what lives how long, who must act when, what is shared."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from portal.providers.schema import Provider
from portal.providers.words import (
    AccountChoice,
    HumanClock,
    RefreshMode,
    RevokeEnds,
    RevokeStyle,
    Rotation,
    ScopeChoice,
)
from portal.services import probe_plans


@dataclass(frozen=True, slots=True)
class ProviderFact:
    """One line: what it is about, and what is known of it."""

    label: str
    sentence: str


def of(provider: Provider) -> tuple[ProviderFact, ...]:
    """The facts people ask for, in the order of a connection's life."""
    said = (
        ("A consent shares", _shares(provider)),
        ("An access token lives", _access_life(provider)),
        ("It is kept fresh", _renewal(provider)),
        ("Refresh tokens", _rotation(provider)),
        ("Somebody must act", _human(provider)),
        ("We look after it", _probes(provider)),
        ("One login", _links(provider)),
        ("Disconnecting", _end(provider)),
    )
    return tuple(ProviderFact(label, sentence) for label, sentence in said if sentence)


def in_words(length_s: int) -> str:
    """A length of time as people say it: "60 days", "2 hours", "90 minutes"."""
    for unit, seconds in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        if length_s % seconds == 0 and length_s >= seconds:
            count = length_s // seconds
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "no time"


def _shares(provider: Provider) -> str:
    scopes = {
        ScopeChoice.ALL_OR_NOTHING: "All the scopes it asks for, or nothing.",
        ScopeChoice.SUBSET: "What the member leaves ticked: single scopes can be left out.",
        ScopeChoice.FIXED_BY_APP: "What our app is set up for at the provider.",
    }[provider.consent.scopes]
    if provider.consent.accounts is AccountChoice.SELECTABLE:
        return f"{scopes} The member also picks which accounts to share."
    return scopes


def _access_life(provider: Provider) -> str:
    if provider.clocks.access_s:
        return f"{in_words(provider.clocks.access_s).capitalize()}, unless the provider’s answer says otherwise."
    if provider.refresh.mode is RefreshMode.NONE:
        return "Without a known end."
    return "As long as the provider’s answer says."


def _renewal(provider: Provider) -> str:
    return {
        RefreshMode.REFRESH_TOKEN: "By a refresh token, in the background.",
        RefreshMode.EXCHANGE: "By exchanging the token for a later one, in the background, while it lives.",
        RefreshMode.NONE: "By nothing: the provider gives no refresh tokens.",
        RefreshMode.JWT_BEARER: "By a new assertion signed with the connection’s key, in the background.",
        RefreshMode.CLIENT_CREDENTIALS: "By our app’s own credentials, in the background.",
    }[provider.refresh.mode]


def _rotation(provider: Provider) -> str:
    if provider.refresh.mode is not RefreshMode.REFRESH_TOKEN:
        return ""
    return " ".join(_rotation_sentences(provider))


def _rotation_sentences(provider: Provider) -> Iterator[str]:
    refresh = provider.refresh
    yield {
        Rotation.STATIC: "Stay the same.",
        Rotation.ROTATING: "Are replaced by each refresh.",
        Rotation.POLICY: "Are replaced or not, as the provider’s administrators decide.",
        Rotation.UNKNOWN: "May be replaced by a refresh.",
    }[refresh.rotation]
    if refresh.grace_s:
        yield f"The one before works for another {in_words(refresh.grace_s)}."
    if refresh.old_access_dies:
        yield (
            "A refresh ends the previous access token at once: backends must fetch a token for each use, "
            "and report a rejected one."
        )


def _human(provider: Provider) -> str:
    clocks = provider.clocks
    length_s = {
        HumanClock.ACCESS: clocks.access_s,
        HumanClock.REFRESH_ABSOLUTE: clocks.refresh_absolute_s,
        HumanClock.REFRESH_IDLE: clocks.refresh_idle_s,
        HumanClock.CONSENT: clocks.consent_s,
        HumanClock.NONE: 0,
    }[clocks.human_at]
    if length_s:
        return f"The member reconnects within {in_words(length_s)}, or by the date the provider’s answer gives."
    if clocks.human_at is not HumanClock.NONE:
        return "The member reconnects by the date the provider’s answer gives."
    if provider.kind.is_service:
        return "An admin, when the key ends or is withdrawn."
    if provider.refresh.mode is RefreshMode.NONE and clocks.access_s:
        return f"The member reconnects within {in_words(clocks.access_s)}."
    return "Nobody by the clock: the member is asked only when something fails, or by your organization’s own period."


def _probes(provider: Provider) -> str:
    is_refreshed = provider.refresh.mode is not RefreshMode.NONE
    life = timedelta(seconds=provider.clocks.access_s) if provider.clocks.access_s else None
    is_asked = probe_plans.interval(provider, has_refresh_token=is_refreshed, life=life) is not None
    if is_asked and is_refreshed and life is None:
        return "Each refresh shows whether it still works; where tokens have no end, the provider is asked daily."
    if is_asked:
        return "The provider is asked daily whether the tokens still work, for nothing else would tell."
    if is_refreshed:
        return "Each refresh shows whether it still works."
    return "The provider cannot be asked whether a token still works: backends should report rejected ones."


def _links(provider: Provider) -> str:
    if provider.consent.single_link_per_login:
        return "A new consent of the same login ends the one before, wherever it is used."
    return ""


def _end(provider: Provider) -> str:
    if provider.revoke.style is RevokeStyle.NONE:
        return "Ends it here. The provider has no way to be told; the member can end it there by hand."
    return {
        RevokeEnds.TOKEN: "Ends the token at the provider as well.",
        RevokeEnds.GRANT: "Ends the whole consent at the provider as well.",
        RevokeEnds.SESSION: "Ends the whole session at the provider as well, with everything that uses it.",
    }[provider.revoke.ends]
