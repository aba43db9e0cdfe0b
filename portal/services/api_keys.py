"""API keys of an organization's backends: shown once, stored hashed, revoked at once everywhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from portal.crypto import Secret, digest, random_token
from portal.db import db, reading, transaction
from portal.models import ApiKey
from portal.models.columns import new_id
from portal.rules.problems import NotFound
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind

PREFIX = "rck_"
SHOWN_LETTERS = 10


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as people see it: its beginning, never the whole."""

    id: UUID
    name: str
    beginning: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@transaction
def create(asker: Asker, name: str, *, now: datetime, expires_at: datetime | None = None) -> tuple[KeyView, Secret]:
    """A new key and its only view of the whole text: 256 random bits behind `rck_`."""
    text = PREFIX + random_token()
    key = ApiKey(
        id=new_id(),
        organization_id=asker.organization_id,
        name=name,
        prefix=text[:SHOWN_LETTERS],
        digest=digest(text),
        created_at=now,
        created_by_id=asker.member_id,
        expires_at=expires_at,
    )
    db.session.add(key)
    audit.record(asker, EventKind.API_KEY_CREATED, now=now, api_key=str(key.id), name=name)
    return _view(key), Secret(text)


@reading
def all_of(asker: Asker) -> tuple[KeyView, ...]:
    """The organization's keys, newest first, revoked ones included."""
    newest = select(ApiKey).where(ApiKey.organization_id == asker.organization_id).order_by(ApiKey.created_at.desc())
    return tuple(_view(key) for key in db.session.scalars(newest))


@reading
def backends(asker: Asker, *, now: datetime) -> tuple[str, ...]:
    """The names of those who can fetch the organization's tokens now: one key may use every connection."""
    works = ApiKey.revoked_at.is_(None) & (ApiKey.expires_at.is_(None) | (ApiKey.expires_at > now))
    named = select(ApiKey.name).where(ApiKey.organization_id == asker.organization_id, works).distinct()
    return tuple(db.session.scalars(named.order_by(ApiKey.name)))


@reading
def show(asker: Asker, key_id: UUID) -> KeyView:
    """One key of the organization; raises NotFound for any other."""
    return _view(_own(asker, key_id))


@transaction
def revoke(asker: Asker, key_id: UUID, *, now: datetime) -> None:
    """From this commit on no process accepts the key; revoking it again changes nothing."""
    key = _own(asker, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        audit.record(asker, EventKind.API_KEY_REVOKED, now=now, api_key=str(key.id), name=key.name)


@reading
def authenticate(text: str, *, now: datetime) -> Asker | None:
    """Who a key speaks for; None unless it is known, unrevoked and unexpired."""
    key = db.session.scalar(select(ApiKey).where(ApiKey.digest == digest(text), ApiKey.revoked_at.is_(None)))
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return Asker.api_key(key.organization_id, key.id)


def _own(asker: Asker, key_id: UUID) -> ApiKey:
    key = db.session.get(ApiKey, key_id)
    if key is None or key.organization_id != asker.organization_id:
        raise NotFound
    return key


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        beginning=key.prefix,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )
