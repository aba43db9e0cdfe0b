"""What one refresh changes, written in one go: tokens, dates, what the provider's file wants kept, the human's date.

The new tokens go over exactly the generation they were asked for with. Whose tokens were replaced meanwhile (a
disconnection, a reconsent) keeps nothing of them: what the provider has just given is then handed on to be ended.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Secret
from portal.db import db
from portal.extensions import signer
from portal.models import Connection
from portal.providers.kept import kept_of
from portal.providers.schema import Provider
from portal.providers.words import RefreshMode
from portal.rules import freshness
from portal.services import audit, moved_ends, new_grants, races, storage, token_store
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.refresh_means import Means
from portal.services.token_store import StoredGrant

FINGERPRINT_LETTERS = 12
PATIENCE_S = 8.0  # less than what a lease outlasts the longest call
PAUSE_S = 0.1

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Renewal:
    """One refresh that went well: what it was made with and when, and the answer."""

    means: Means
    asked_at: datetime
    answer: TokenAnswer

    @property
    def provider(self) -> Provider:
        return self.means.provider

    @property
    def new_refresh_token(self) -> Secret | None:
        """The refresh token that replaces the one shown; None where that one stays, or there is none."""
        given = self.answer.refresh_token
        if self.provider.refresh.mode is not RefreshMode.REFRESH_TOKEN:
            return None
        return given if given is not None and given.reveal() != self.means.shown.reveal() else None

    def is_later(self, grant: StoredGrant) -> bool:
        """Whether it stated a later end, for a provider where nothing less counts."""
        if not self.provider.refresh.trust_only_later_expiry or grant.access_expires_at is None:
            return True
        ends_at = self.answer.expires_at
        if ends_at is None or not self.answer.is_expiry_stated:  # the catalog's life of a new token proves nothing here
            return False
        return ends_at > grant.access_expires_at + freshness.SLACK


def write_surely(grant: StoredGrant, renewal: Renewal, *, now: datetime) -> StoredGrant | None:
    """As `write`, again and again for a while: whatever ails the database, what was shown may be worth nothing now.

    A restart, a lock that others hold, a deadlock with a disconnection: the fence makes it safe to repeat, and a write
    whose word of success alone was lost is found by the token it has left there.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return write(grant, renewal, now=now) or _as_written(grant, renewal)
        except DBAPIError as failed:
            if time.monotonic() > until or not (storage.is_away(failed) or races.is_lost(failed)):
                raise
            log.warning("new tokens are not written yet", connection_id=str(grant.connection_id))
        time.sleep(PAUSE_S)


def _as_written(grant: StoredGrant, renewal: Renewal) -> StoredGrant | None:
    """The grant with these very tokens, if an earlier attempt did write them after all."""
    found = token_store.read(grant.connection_id)
    if found is None or found.generation != grant.generation + 1:
        return None
    token = found.secret("access_token")
    return found if token is not None and token.reveal() == renewal.answer.access_token.reveal() else None


def write(grant: StoredGrant, renewal: Renewal, *, now: datetime) -> StoredGrant | None:
    """Write what a refresh brought over the generation it began with; None when that was replaced meanwhile.

    What comes back still says since when refreshes failed: whose tokens these are is looked at next.
    """
    values = _always(grant, renewal) | _of_access(grant, renewal, now) | _of_rotation(grant, renewal, now)
    event = _rotation(grant, renewal.new_refresh_token, now) if renewal.new_refresh_token else None
    if not token_store.overwrite(grant, values, event=event, then=lambda: _follow(grant, renewal, now)):
        return None
    return replace(grant, **{name: value for name, value in values.items() if name != "failing_since"})


def fingerprint(grant: StoredGrant, token: Secret) -> str:
    """A few letters that tell one refresh token from another in the log, and nothing to anybody without our key."""
    return signer().sign("refresh-token", str(grant.connection_id), token.reveal()).hex()[:FINGERPRINT_LETTERS]


def _follow(grant: StoredGrant, renewal: Renewal, now: datetime) -> None:
    """What else has changed with the tokens."""
    if renewal.is_later(grant):
        moved_ends.follow(grant, renewal.provider, renewal.answer, now=now)
    known, stated = frozenset(grant.scopes.split()), renewal.answer.scopes
    if known and stated is not None and stated != known:
        _tell_scopes(grant, known, stated, now)


def _tell_scopes(grant: StoredGrant, known: frozenset[str], stated: frozenset[str], now: datetime) -> None:
    audit.record(
        Asker.portal(grant.organization_id),
        EventKind.SCOPES_CHANGED,
        now=now,
        connection_id=grant.connection_id,
        member_id=db.session.scalar(select(Connection.member_id).where(Connection.id == grant.connection_id)),
        lost=sorted(known - stated),
        gained=sorted(stated - known),
    )


def _always(grant: StoredGrant, renewal: Renewal) -> dict[str, Any]:
    values: dict[str, Any] = {
        "generation": grant.generation + 1,
        "failures": 0,
        "failing_since": None,
        "last_fault": None,
        "lease_owner": None,
        "lease_until": None,
    }
    answer = renewal.answer
    if answer.scopes is not None:
        values["scopes"] = " ".join(sorted(answer.scopes))
    if answer.refresh_expires_at is not None:
        values["refresh_expires_at"] = answer.refresh_expires_at
    extra = (grant.extra or {}) | kept_of(renewal.provider, answer.extra)
    return values if extra == (grant.extra or {}) else values | {"extra": extra}


def _of_access(grant: StoredGrant, renewal: Renewal, now: datetime) -> dict[str, Any]:
    """The new access token; where only a later end counts and none came, the present one stays with its date."""
    if not renewal.is_later(grant) and grant.access_expires_at is not None:
        return {"refresh_due_at": freshness.exchange_again_at(now, grant.access_expires_at)}
    answer = renewal.answer
    return {
        "access_token": token_store.sealed(grant, "access_token", answer.access_token),
        "token_type": answer.token_type,
        "issued_at": now,
        "access_expires_at": answer.expires_at,
        "refresh_due_at": _due_at(grant, renewal, now),
    }


def _of_rotation(grant: StoredGrant, renewal: Renewal, now: datetime) -> dict[str, Any]:
    """The new refresh token, and the one it replaces for as long as the provider honours that one too."""
    new = renewal.new_refresh_token
    if new is None:
        return {}
    honoured_until = renewal.asked_at + timedelta(seconds=renewal.provider.refresh.grace_s)
    is_kept = honoured_until > now
    return {
        "refresh_token": token_store.sealed(grant, "refresh_token", new),
        "rotated_at": now,
        "previous_refresh_token": token_store.sealed(grant, "previous_refresh_token", renewal.means.shown)
        if is_kept
        else None,
        "previous_until": honoured_until if is_kept else None,
    }


def _due_at(grant: StoredGrant, renewal: Renewal, now: datetime) -> datetime | None:
    """When it is due again: a refresh that brought no more life than there was is not repeated before that ends."""
    ends_at = renewal.answer.expires_at
    if not freshness.gains_time(grant.issued_at, grant.access_expires_at, ends_at, now=now):
        return ends_at
    refresh_ends_at = renewal.answer.refresh_expires_at or grant.refresh_expires_at
    return new_grants.refresh_due_at(
        renewal.provider,
        issued_at=now,
        access_ends_at=ends_at,
        refresh_ends_at=refresh_ends_at,
        is_wound_up=_is_wound_up(grant, renewal),
        jitter=freshness.jitter_of(grant.connection_id),
    )


def _is_wound_up(grant: StoredGrant, renewal: Renewal) -> bool:
    """Whether refreshing has moved the refresh token's end, and so will do it again."""
    had, has = grant.refresh_expires_at, renewal.answer.refresh_expires_at
    return had is not None and has is not None and has > had + freshness.SLACK


def _rotation(grant: StoredGrant, new: Secret, now: datetime) -> dict[str, Any]:
    return audit.row(
        Asker.portal(grant.organization_id),
        EventKind.GRANT_ROTATED,
        now=now,
        connection_id=grant.connection_id,
        generation=grant.generation + 1,
        fingerprint=fingerprint(grant, new),
    )
