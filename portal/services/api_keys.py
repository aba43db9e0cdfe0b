"""API keys of an organization's backends: shown once, stored hashed, limited, replaced in time, revoked at once.

Nothing about a key is remembered between two requests, in no process: one that is revoked or past its end is refused by
the next look at its row.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update

from portal.crypto import Secret, digest, random_token
from portal.db import db, reading, rows_changed, transaction
from portal.extensions import catalog
from portal.models import ApiKey, Organization
from portal.models.columns import new_id
from portal.rules import api_keys as rules
from portal.rules.api_keys import Ending, KeyState
from portal.rules.problems import InvalidRequest, KeyReplaced, NotFound
from portal.services import audit, key_uses, one_time_views
from portal.services.asker import Asker
from portal.services.audit import EventKind

PREFIX = "rck_"
SHOWN_LETTERS = 10


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as people see it: its beginning, never the whole. `providers` are those it is limited to; None: all."""

    id: UUID
    name: str
    beginning: str
    providers: tuple[str, ...] | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    replaced_at: datetime | None
    revoked_at: datetime | None

    def state_at(self, now: datetime) -> KeyState:
        return rules.state_of(revoked_at=self.revoked_at, expires_at=self.expires_at, now=now)

    @property
    def can_be_replaced(self) -> bool:
        """Whether it has no successor yet."""
        return self.revoked_at is None and self.replaced_at is None

    @property
    def successors_ending(self) -> Ending:
        """What to propose as the end of the key that replaces it."""
        return rules.ending_like(self.created_at, self.expires_at)


@transaction
def create(
    asker: Asker,
    name: str,
    *,
    providers: Collection[str] = (),
    expires_at: datetime | None = None,
    now: datetime,
) -> tuple[KeyView, Secret]:
    """A new key and its only view of the whole text: 256 random bits behind `rck_`.

    It is for all providers, or for those named; raises InvalidRequest about `providers` where one is unknown.
    """
    return _add(asker, name, _limit(providers), expires_at, now)


@transaction
def create_to_end(
    asker: Asker, name: str, ending: Ending, *, providers: Collection[str] = (), now: datetime
) -> tuple[KeyView, Secret]:
    """As `create`, with an end as people choose it; raises InvalidRequest about `ends_on` as well."""
    return create(asker, name, providers=providers, expires_at=_end(asker, ending, now), now=now)


@transaction
def create_to_show(
    asker: Asker, name: str, ending: Ending, *, providers: Collection[str] = (), now: datetime
) -> KeyView:
    """As `create_to_end`; its text waits for the asker's browser session, which `one_time_views.take` shows it to."""
    key, text = create_to_end(asker, name, ending, providers=providers, now=now)
    one_time_views.keep(asker, key.id, text, now=now)
    return key


@transaction
def replace(asker: Asker, key_id: UUID, ending: Ending, *, overlap_days: int, now: datetime) -> KeyView:
    """Make a second key of the same name and limits, to be shown once; the old one goes on for the overlap.

    Raises NotFound, InvalidRequest about `ends_on`, and KeyReplaced where it has a successor already or is revoked.
    """
    old = _own(asker, key_id)
    new, text = _add(asker, old.name, old.providers, _end(asker, ending, now), now)
    one_time_views.keep(asker, new.id, text, now=now)
    ends_at = rules.end_of_replaced(old.expires_at, overlap_days, now=now)
    unreplaced = update(ApiKey).where(ApiKey.id == old.id, ApiKey.replaced_at.is_(None), ApiKey.revoked_at.is_(None))
    if not rows_changed(unreplaced.values(replaced_at=now, expires_at=ends_at)):
        raise KeyReplaced
    audit.record(
        asker,
        EventKind.API_KEY_REPLACED,
        now=now,
        api_key=str(old.id),
        replaced_by=str(new.id),
        name=old.name,
        ends_at=ends_at.isoformat(),
    )
    return new


@reading
def all_of(asker: Asker) -> tuple[KeyView, ...]:
    """The organization's keys, newest first, revoked ones included."""
    newest = select(ApiKey).where(ApiKey.organization_id == asker.organization_id).order_by(ApiKey.created_at.desc())
    return tuple(_view(key) for key in db.session.scalars(newest))


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


def authenticate(text: str, *, now: datetime) -> Asker | None:
    """Who a key speaks for, and about which providers; None unless it is known, unrevoked and unexpired."""
    asker = _speaker(text, now)
    if asker is not None and asker.key_id is not None:
        key_uses.note(asker.key_id, None, asker.organization_id, now)
    return asker


@reading
def _speaker(text: str, now: datetime) -> Asker | None:
    key = db.session.scalar(select(ApiKey).where(ApiKey.digest == digest(text), ApiKey.revoked_at.is_(None)))
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return Asker.api_key(key.organization_id, key.id, rules.providers_of(key.providers))


def _add(  # a row's values, in the order they are read
    asker: Asker, name: str, providers: str | None, expires_at: datetime | None, now: datetime
) -> tuple[KeyView, Secret]:
    text = PREFIX + random_token()
    key = ApiKey(
        id=new_id(),
        organization_id=asker.organization_id,
        name=name,
        prefix=text[:SHOWN_LETTERS],
        digest=digest(text),
        providers=providers,
        created_at=now,
        created_by_id=asker.member_id,
        expires_at=expires_at,
    )
    db.session.add(key)
    audit.record(asker, EventKind.API_KEY_CREATED, now=now, api_key=str(key.id), name=name)
    return _view(key), Secret(text)


def _end(asker: Asker, ending: Ending, now: datetime) -> datetime | None:
    zone = db.session.get_one(Organization, asker.organization_id).time_zone
    return rules.expires_at(ending, zone, now=now)


def _limit(providers: Collection[str]) -> str | None:
    """The limit as it is kept: None where nobody named a provider."""
    unknown = sorted({one for one in providers if catalog().get(one) is None})
    if unknown:
        raise InvalidRequest({"providers": f"There is no such provider here: {', '.join(unknown)}."})
    return rules.providers_text(set(providers) or None)


def _own(asker: Asker, key_id: UUID) -> ApiKey:
    key = db.session.get(ApiKey, key_id)
    if key is None or key.organization_id != asker.organization_id:
        raise NotFound
    return key


def _view(key: ApiKey) -> KeyView:
    providers = rules.providers_of(key.providers)
    return KeyView(
        id=key.id,
        name=key.name,
        beginning=key.prefix,
        providers=None if providers is None else tuple(sorted(providers)),
        created_at=key.created_at,
        last_used_at=key.last_used_at,
        expires_at=key.expires_at,
        replaced_at=key.replaced_at,
        revoked_at=key.revoked_at,
    )
