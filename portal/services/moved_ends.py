"""The date on which a human must act, where a refresh moves it: written, and the reminders planned by it."""

from datetime import datetime, timedelta

from portal.adapters.oauth import TokenAnswer
from portal.db import db
from portal.models import Connection
from portal.providers.schema import Provider
from portal.providers.words import HumanClock
from portal.rules import freshness
from portal.rules.status import ConnectionState, DateSource, HumanDeadline
from portal.rules.status import HumanClock as Clock
from portal.services import grants, reminders
from portal.services.token_store import StoredGrant

A_RENEWAL = timedelta(days=1)  # an end that moves less is the same end, only known better


def follow(grant: StoredGrant, provider: Provider, answer: TokenAnswer, *, now: datetime) -> None:
    """Move the connection's consent end to where this refresh has put it, in the transaction around us."""
    moved = _moved_end(provider, answer, now)
    if moved is None or _is_near(moved.at, grant.consent_expires_at):
        return
    connection = db.session.get_one(Connection, grant.connection_id, with_for_update=True)
    moved = _with_consent_clock(connection, provider, moved)
    had = connection.consent_expires_at
    if connection.state is not ConnectionState.ACTIVE or _is_near(moved.at, had):
        return
    connection.consent_expires_at = moved.at
    connection.consent_end_source = grants.END_SOURCES[moved.source]
    if had is None or abs(moved.at - had) >= A_RENEWAL:
        reminders.plan(connection, now=now, is_fresh=had is None or moved.at > had)
    else:
        reminders.go_on(connection, now=now)


def _moved_end(provider: Provider, answer: TokenAnswer, now: datetime) -> HumanDeadline | None:
    """The end of the clock that needs a human, where a refresh's answer says something about it."""
    clocks = provider.clocks
    is_stated = answer.is_refresh_expiry_stated
    source = DateSource.RESPONSE if is_stated else DateSource.CATALOG
    if clocks.human_at is HumanClock.REFRESH_ABSOLUTE and answer.refresh_expires_at is not None:
        return HumanDeadline(answer.refresh_expires_at, Clock.REFRESH_ABSOLUTE, source)
    if clocks.human_at is HumanClock.REFRESH_IDLE:
        idle_end = now + timedelta(seconds=clocks.refresh_idle_s)
        stated_end = answer.refresh_expires_at if is_stated else None
        return HumanDeadline(stated_end or idle_end, Clock.REFRESH_ABSOLUTE, source)
    if clocks.human_at is HumanClock.ACCESS and answer.expires_at is not None:
        access_source = DateSource.RESPONSE if answer.is_expiry_stated else DateSource.CATALOG
        return HumanDeadline(answer.expires_at, Clock.ACCESS_WITHOUT_REFRESH, access_source)
    return None


def _with_consent_clock(connection: Connection, provider: Provider, moved: HumanDeadline) -> HumanDeadline:
    """The consent's own end where that comes earlier: no refresh moves it."""
    if not provider.clocks.consent_s or connection.consented_at is None:
        return moved
    consent_ends_at = connection.consented_at + timedelta(seconds=provider.clocks.consent_s)
    own = HumanDeadline(consent_ends_at, Clock.CONSENT, DateSource.CATALOG)
    return min(moved, own, key=lambda deadline: deadline.at)


def _is_near(one: datetime, other: datetime | None) -> bool:
    return other is not None and abs(one - other) <= freshness.SLACK
