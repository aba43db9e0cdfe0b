"""Who uses a connection: counted without a write, written in batches, told by the backend's name."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.extensions import parts
from portal.models import ApiKey, KeyUse
from portal.rules.api_keys import Ending, LatelyUsed
from portal.services import api_keys, key_uses, tokens
from portal.services.key_uses import Backend
from portal.use_counts import Count
from tests.factories import NOON, World, make_connection

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def page_of_ana(world: World) -> UUID:
    return make_connection(world.ana, access_ends_in=None)


@pytest.fixture
def ask(world: World) -> Callable[..., None]:
    """A backend fetches a token, and the batch is written."""

    def fetch(key: str, *connection_ids: UUID, now: datetime = NOON, times: int = 1) -> None:
        for connection_id in connection_ids:
            for _ in range(times):
                tokens.fresh_token_for_key(key, connection_id, min_ttl=None, now=now)
        assert parts().use_counts.write_now()

    return fetch


@transaction
def uses() -> dict[tuple[UUID, UUID], int]:
    return {(use.api_key_id, use.connection_id): use.uses for use in db.session.scalars(db.select(KeyUse))}


@transaction
def last_use(key_id: UUID) -> datetime | None:
    return db.session.get_one(ApiKey, key_id).last_used_at


def backends(world: World, connection_id: UUID, now: datetime = NOON) -> tuple[Backend, ...]:
    return key_uses.backends(world.ana.asker, connection_id, "demo-social", now=now)


def test_a_token_read_writes_nothing_until_its_batch_is_due(world: World, page_of_ana: UUID):
    view, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    for _ in range(3):
        tokens.fresh_token_for_key(key.reveal(), page_of_ana, min_ttl=None, now=NOON)
    assert uses() == {}
    parts().use_counts.write_now()
    assert uses() == {(view.id, page_of_ana): 3}
    assert last_use(view.id) == NOON


def test_batches_add_up_and_the_last_use_only_moves_on(world: World, page_of_ana: UUID, ask: Callable[..., None]):
    view, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    ask(key.reveal(), page_of_ana, now=NOON, times=2)
    ask(key.reveal(), page_of_ana, now=NOON + MINUTE)
    ask(key.reveal(), page_of_ana, now=NOON - MINUTE)
    (backend,) = backends(world, page_of_ana, NOON + MINUTE)
    assert (backend.uses, backend.first_used_at, backend.last_used_at) == (4, NOON, NOON + MINUTE)
    assert last_use(view.id) == NOON + MINUTE


def test_the_running_week_and_the_one_before_are_told_apart(world: World, page_of_ana: UUID, ask: Callable[..., None]):
    _, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    ask(key.reveal(), page_of_ana, now=NOON, times=2)
    ask(key.reveal(), page_of_ana, now=NOON + WEEK, times=3)
    ask(key.reveal(), page_of_ana, now=NOON)  # a late batch of the week before changes neither
    assert backends(world, page_of_ana, NOON + WEEK)[0].lately == LatelyUsed(3, 2)
    ask(key.reveal(), page_of_ana, now=NOON + 3 * WEEK, times=1)
    assert backends(world, page_of_ana, NOON + 3 * WEEK)[0].lately == LatelyUsed(1, 0)


def test_who_has_not_asked_for_long_is_not_what_stops(world: World, page_of_ana: UUID, ask: Callable[..., None]):
    _, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    api_keys.create(world.chloe.asker, "Billing", now=NOON)
    ask(key.reveal(), page_of_ana)
    assert [(one.name, one.is_using) for one in backends(world, page_of_ana)] == [("Archive", True), ("Billing", False)]
    assert not any(one.is_using for one in backends(world, page_of_ana, NOON + 10 * WEEK))


def test_a_replaced_key_hands_its_past_to_its_successor(
    world: World, page_of_ana: UUID, ask: Callable[..., None], chloes_session
):
    old, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    ask(key.reveal(), page_of_ana, times=2)
    api_keys.replace(chloes_session, old.id, Ending(), overlap_days=0, now=NOON)
    (backend,) = backends(world, page_of_ana)
    assert (backend.name, backend.uses) == ("Archive", 2)


def test_only_keys_that_could_fetch_it_are_named(world: World, page_of_ana: UUID, ask: Callable[..., None]):
    for name, limit in (("Social", {"demo-social"}), ("Films", {"demo-video"})):
        api_keys.create(world.chloe.asker, name, providers=limit, now=NOON)
    gone, key = api_keys.create(world.chloe.asker, "Gone", now=NOON)
    ask(key.reveal(), page_of_ana)
    api_keys.revoke(world.chloe.asker, gone.id, now=NOON)
    api_keys.create(world.chloe.asker, "Over", expires_at=NOON, now=NOON - MINUTE)
    api_keys.create(world.eve.asker, "Foreign", now=NOON)
    assert [one.name for one in backends(world, page_of_ana)] == ["Social"]


def test_the_settings_count_the_connections_of_each_key(world: World, ask: Callable[..., None]):
    made = [make_connection(world.ana, access_ends_in=None) for _ in range(3)]
    busy, key = api_keys.create(world.chloe.asker, "Busy", now=NOON)
    api_keys.create(world.chloe.asker, "Idle", now=NOON)
    ask(key.reveal(), *made, times=2)
    assert key_uses.connections_used(world.chloe.asker) == {busy.id: 3}
    assert key_uses.connections_used(world.eve.asker) == {}


def test_other_calls_move_a_keys_last_use_alone(world: World):
    view, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    api_keys.authenticate(key.reveal(), now=NOON + MINUTE)
    parts().use_counts.write_now()
    assert (uses(), last_use(view.id)) == ({}, NOON + MINUTE)


def test_processes_that_write_the_same_rows_at_once_do_not_wait_for_each_other(
    make_app: Callable[[Mapping[str, str]], Flask], environ: dict[str, str], world: World
):
    keys = [api_keys.create(world.chloe.asker, f"Key {number}", now=NOON)[0].id for number in range(4)]
    pairs = [(key, UUID(int=number)) for key in keys for number in range(300)]

    apps = [make_app(environ) for _ in range(8)]

    def write(seed: int) -> None:
        shuffled = list(pairs)
        Random(seed).shuffle(shuffled)
        with apps[seed].app_context():
            key_uses.write_down({pair: Count(world.acme, 1, NOON, NOON) for pair in shuffled})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    assert uses() == dict.fromkeys(pairs, 8)


def test_a_refused_request_is_no_use(world: World, page_of_ana: UUID):
    from portal.rules.problems import NotFound

    _, key = api_keys.create(world.eve.asker, "Foreign", now=NOON)
    with pytest.raises(NotFound):
        tokens.fresh_token_for_key(key.reveal(), page_of_ana, min_ttl=None, now=NOON)
    parts().use_counts.write_now()
    assert uses() == {}
