"""What is stored of a connection's tokens and no key of ours opens: nobody gets it, and its admins are told once.

It was altered, or sealed with a key that is gone. The key may come back, so it is looked at again now and then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from portal.crypto import SealBroken
from portal.db import transaction
from portal.rules.problems import TokensUnreadable
from portal.services import alerts, offers, token_store
from portal.services.token_store import StoredGrant

LOOK_AGAIN = timedelta(hours=1)
ASK_AGAIN = timedelta(minutes=1)
FAULT = "unreadable"

log = structlog.get_logger(__name__)


class Held(Protocol):
    """A grant, or the part of it that a backend's request has read."""

    @property
    def connection_id(self) -> UUID: ...

    @property
    def generation(self) -> int: ...


@contextmanager
def told(grant: Held, *, now: datetime, is_leased: bool = False) -> Iterator[None]:
    """Whatever is opened in here and cannot be raises TokensUnreadable, once the admins have been told.

    `is_leased`: the caller holds the grant's lease, gives it back by this, and tries again in an hour. Nobody else
    touches it: another process may be refreshing under it, and its new tokens heal what could not be opened.
    """
    try:
        yield
    except SealBroken:
        stored = token_store.read(grant.connection_id)
        if stored is not None and stored.generation == grant.generation and (is_leased or stored.last_fault != FAULT):
            _tell(stored, now, is_leased=is_leased)
        raise TokensUnreadable(ASK_AGAIN) from None


@transaction
def _tell(grant: StoredGrant, now: datetime, *, is_leased: bool) -> None:
    if not _is_noted(grant, now, is_leased=is_leased):
        return
    log.error("tokens cannot be opened", connection_id=str(grant.connection_id))
    alerts.raise_once(
        f"unreadable:{grant.connection_id}:{grant.generation}",
        grant.organization_id,
        title=f"The stored tokens of a connection at {offers.named(grant.provider_id).name} cannot be opened",
        sentence="They were altered, or sealed with a key that is not there any more. All other connections work.",
        what_to_do="Look whether a key is missing from PORTAL_TOKEN_KEYS. If none is, its member must reconnect.",
        place=f"/admin/connections/{grant.connection_id}",
        now=now,
    )


def _is_noted(grant: StoredGrant, now: datetime, *, is_leased: bool) -> bool:
    if not is_leased:
        return token_store.note_fault(grant, FAULT, now=now)
    until = now + LOOK_AGAIN
    return token_store.postpone(grant, FAULT, until=until, is_answer_lost=grant.is_interrupted, now=now)
