"""Connections of one organization whose tokens are due to be refreshed, as often as asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic, sleep
from uuid import UUID

from bench.drivers import Driver
from bench.rows import stored
from bench.site import Portal
from portal import clock
from portal.bulk import insert_rows
from portal.crypto import Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import Connection, Grant
from portal.models.columns import new_id
from portal.models.grant import seal_context
from portal.rules import freshness
from portal.rules.status import ConnectionState
from tests import factories
from tests.factories import Person

PROVIDER = "slow"
WITHIN_S = 180.0
LOOK_EVERY_S = 0.1  # a look reads all rows, and the workers need the processor more
LIFE = timedelta(hours=1)
MADE_DUE = "UPDATE grants SET refresh_due_at = ?, access_expires_at = ?"
NOT_DUE = "UPDATE grants SET refresh_due_at = ?"
SOME_DUE = NOT_DUE + " WHERE connection_id IN (SELECT connection_id FROM grants ORDER BY connection_id LIMIT {count})"
REFRESHED = "SELECT SUM(generation) FROM grants"


class Due:
    """So many connections, and what has become of them."""

    def __init__(self, driver: Driver, organization_id: UUID, connection_ids: list[UUID]) -> None:
        self._driver = driver
        self.organization_id = organization_id
        self.connection_ids = connection_ids

    def make_due(self, count: int) -> None:
        """The first so many are due now, the others are not for a long time."""
        now = clock.now()
        self._driver.run(NOT_DUE, stored(now + timedelta(days=1)))
        self._driver.run(SOME_DUE.format(count=count), stored(now - timedelta(seconds=1)))
        if self._driver.is_postgresql:
            self._driver.run("VACUUM ANALYZE grants")

    def refreshes(self) -> int:
        """How often any of them has been refreshed so far."""
        return int(self._driver.all(REFRESHED)[0][0]) - len(self.connection_ids)

    def await_refreshes(self, number: int) -> None:
        """Wait until so many refreshes have been written since the beginning."""
        until = monotonic() + WITHIN_S
        while (done := self.refreshes()) < number:
            if monotonic() > until:
                raise RuntimeError(f"{done} refreshes of {number} after {WITHIN_S:.0f} s")
            sleep(LOOK_EVERY_S)


@contextmanager
def due_connections(portal: Portal, count: int) -> Iterator[Due]:
    """So many connections at the slow provider, each with a refresh token of its own."""
    now = clock.now()
    with portal.app.app_context():
        organization_id = factories.make_organization("Acme", "acme", now=now)
        ana = factories.make_member(organization_id, "Ana Alvarez", "ana@acme.example", now=now)
        connection_ids = _filled(ana, count, now)
    with Driver(portal.url) as driver:
        yield Due(driver, organization_id, connection_ids)


@transaction
def _filled(owner: Person, count: int, now: datetime) -> list[UUID]:
    connection_ids = [new_id() for _ in range(count)]
    insert_rows(db.session(), Connection, [_connection(owner, one, now) for one in connection_ids])
    insert_rows(db.session(), Grant, [_grant(owner, one, now) for one in connection_ids])
    return connection_ids


def _connection(owner: Person, connection_id: UUID, now: datetime) -> dict[str, object]:
    return {
        "id": connection_id,
        "organization_id": owner.organization_id,
        "member_id": owner.id,
        "provider_id": PROVIDER,
        "nickname": "Page",
        "state": ConnectionState.ACTIVE,
        "state_since": now,
        "consent_expires_at": now + timedelta(days=30),
        "subject": connection_id.hex,
        "created_at": now,
        "connected_at": now,
        "consented_at": now,
    }


def _grant(owner: Person, connection_id: UUID, now: datetime) -> dict[str, object]:
    secrets = {"access_token": Secret("access"), "refresh_token": Secret(f"refresh-{connection_id.hex}.1")}
    sealed = {name: keyring().seal(one, seal_context(connection_id, name)) for name, one in secrets.items()}
    return sealed | {
        "connection_id": connection_id,
        "organization_id": owner.organization_id,
        "provider_id": PROVIDER,
        "generation": 1,
        "scopes": "read",
        "accounts": [],
        "token_type": "Bearer",
        "issued_at": now,
        "access_expires_at": now + LIFE,
        "refresh_due_at": freshness.refresh_at(now, now + LIFE, jitter=freshness.jitter_of(connection_id)),
        "lease_owner": None,
    }
