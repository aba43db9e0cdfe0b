"""What one consent has just given, before it is anybody's: open in memory only, and never stored like this."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from portal.crypto import Secret
from portal.providers.schema import Provider
from portal.providers.words import CountedFrom, HumanClock, RefreshMode, Rotation
from portal.rules import freshness
from portal.rules.comparison import GrantFacts, SharedAccount
from portal.rules.status import Clocks, DateSource, HumanDeadline, human_deadline


@dataclass(frozen=True, slots=True)
class NewGrant:
    """Who consented to what, and the tokens for it.

    `refresh_expires_at` is None where the provider states none, even if the catalog knows one; `access_expires_at` None
    means that the token never expires. `extra` is what the provider's file wants kept of the answer, by JSON pointer.
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
    refresh_source: DateSource = DateSource.RESPONSE
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

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
    if provider.kind.is_service:
        return None  # nobody has consented, so nobody can be asked to do so again
    clocks = Clocks(
        refresh_absolute_at=_refresh_clock(provider, new),
        access_ends_at_without_refresh=new.access_expires_at if _is_access_final(provider, new) else None,
        consent_ends_at=_after(new.issued_at, provider.clocks.consent_s),
        policy_ends_at=new.issued_at + policy_period if policy_period else None,
        refresh_absolute_source=new.refresh_source if new.refresh_expires_at else DateSource.CATALOG,
        access_source=new.access_source,
        consent_source=DateSource.CATALOG,
    )
    return human_deadline(clocks)


def refresh_due_at(
    provider: Provider,
    *,
    issued_at: datetime,
    access_ends_at: datetime | None,
    refresh_ends_at: datetime | None,
    is_wound_up: bool,
    jitter: float,
) -> datetime | None:
    """When the background refreshes tokens issued then; None where there is nothing that it could keep alive.

    `is_wound_up`: refreshing moves the refresh token's end too, so that this end is kept ahead of as well. One that
    stays is nothing a refresh could gain time beyond.
    """
    return freshness.next_refresh_at(
        issued_at,
        access_ends_at=access_ends_at,
        sliding_ends=(
            _after(issued_at, provider.clocks.refresh_idle_s),
            refresh_ends_at if is_wound_up else None,
        ),
        final_end_at=None if is_wound_up else refresh_ends_at,
        min_age=timedelta(seconds=provider.refresh.min_age_s),
        jitter=jitter,
        early=provider.refresh.early,
    )


def first_refresh_at(provider: Provider, new: NewGrant, *, jitter: float) -> datetime | None:
    """When the tokens of a consent are first refreshed; None where they cannot be, or need not."""
    if not can_refresh(provider, new):
        return None
    is_counted_anew = provider.clocks.refresh_absolute_from is CountedFrom.ISSUE
    return refresh_due_at(
        provider,
        issued_at=new.issued_at,
        access_ends_at=new.access_expires_at,
        refresh_ends_at=refresh_end(provider, new),
        is_wound_up=is_counted_anew and provider.refresh.rotation is Rotation.ROTATING,
        jitter=jitter,
    )


def can_refresh(provider: Provider, new: NewGrant) -> bool:
    """Whether the access token can be renewed without a human."""
    mode = provider.refresh.mode
    return mode is not RefreshMode.NONE and (mode is not RefreshMode.REFRESH_TOKEN or new.refresh_token is not None)


def with_sources_guessed(provider: Provider, new: NewGrant) -> NewGrant:
    """A grant that was parked, with the sources of its dates told again by what the catalog says."""
    is_catalogs = new.access_expires_at == _after(new.issued_at, provider.clocks.access_s)
    is_asked_for = provider.introspect is not None and bool(provider.introspect.refresh_expires_at)
    return replace(
        new,
        access_source=DateSource.CATALOG if is_catalogs else DateSource.RESPONSE,
        refresh_source=DateSource.INTROSPECTION if is_asked_for else DateSource.RESPONSE,
    )


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
