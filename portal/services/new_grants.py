"""What one consent has just given, before it is anybody's: open in memory only, and never stored like this."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.crypto import Secret
from portal.providers.schema import Provider
from portal.providers.words import HumanClock, RefreshMode
from portal.rules.comparison import GrantFacts, SharedAccount
from portal.rules.status import Clocks, DateSource, HumanDeadline, human_deadline


@dataclass(frozen=True, slots=True)
class NewGrant:
    """Who consented to what, and the tokens for it.

    `refresh_expires_at` is None where the answer states none, even if the catalog knows one; `access_expires_at` None
    means that the token never expires.
    """

    subject: str
    label: str
    scopes: frozenset[str]
    accounts: tuple[SharedAccount, ...]
    token_type: str
    access_token: Secret
    refresh_token: Secret | None
    issued_at: datetime
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    access_source: DateSource = DateSource.RESPONSE

    @property
    def facts(self) -> GrantFacts:
        """The part of it that may be compared and shown."""
        return GrantFacts(self.subject, self.label, self.scopes, self.accounts)


def refresh_end(provider: Provider, new: NewGrant) -> datetime | None:
    """When the refresh token ends: what the answer said, else the catalog's length counted from this consent."""
    if new.refresh_token is None:
        return None
    return new.refresh_expires_at or _after(new.issued_at, provider.clocks.refresh_absolute_s)


def deadline(provider: Provider, new: NewGrant, *, policy_period: timedelta | None) -> HumanDeadline | None:
    """When a human must consent again; None when only a failure can call for one.

    A clock that a background refresh moves counts only where the provider's file says that it needs a human all the
    same (`human_at`), or where there is nothing to refresh with.
    """
    clocks = Clocks(
        refresh_absolute_at=_refresh_clock(provider, new),
        access_ends_at_without_refresh=new.access_expires_at if _is_access_final(provider, new) else None,
        consent_ends_at=_after(new.issued_at, provider.clocks.consent_s),
        policy_ends_at=new.issued_at + policy_period if policy_period else None,
        refresh_absolute_source=DateSource.RESPONSE if new.refresh_expires_at else DateSource.CATALOG,
        access_source=new.access_source,
        consent_source=DateSource.CATALOG,
    )
    return human_deadline(clocks)


def can_refresh(provider: Provider, new: NewGrant) -> bool:
    """Whether the access token can be renewed without a human."""
    mode = provider.refresh.mode
    return mode is not RefreshMode.NONE and (mode is not RefreshMode.REFRESH_TOKEN or new.refresh_token is not None)


def with_sources_guessed(provider: Provider, new: NewGrant) -> NewGrant:
    """A grant that was parked, with the source of its access date told again by whether the catalog says the same."""
    is_catalogs = new.access_expires_at == _after(new.issued_at, provider.clocks.access_s)
    return replace(new, access_source=DateSource.CATALOG if is_catalogs else DateSource.RESPONSE)


def _refresh_clock(provider: Provider, new: NewGrant) -> datetime | None:
    if provider.clocks.human_at is HumanClock.REFRESH_ABSOLUTE:
        return refresh_end(provider, new)
    if provider.clocks.human_at is HumanClock.REFRESH_IDLE:
        return new.refresh_expires_at or _after(new.issued_at, provider.clocks.refresh_idle_s)
    return None


def _is_access_final(provider: Provider, new: NewGrant) -> bool:
    return provider.clocks.human_at is HumanClock.ACCESS or not can_refresh(provider, new)


def _after(start: datetime, seconds: int) -> datetime | None:
    return start + timedelta(seconds=seconds) if seconds else None
