"""Stored tokens that no key of ours opens: nobody gets them, nothing breaks, and the admins are told once."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import update

from portal.crypto import Sealed
from portal.db import db, transaction
from portal.models import Grant
from portal.rules.problems import ProviderUnavailable, TokensUnreadable
from portal.services import api_keys, rejections, tokens
from portal.services.rejections import Seen
from tests.crowd import grant_of, set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import outbox

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)
LATER = NOON + timedelta(minutes=59, seconds=30)


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def broken(portal: Flask, world: World) -> UUID:
    """Ana's connection at the stub, with a bit flipped in each of its tokens."""
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)
    flip(connection_id)
    return connection_id


@transaction
def flip(connection_id: UUID, *names: str) -> None:
    grant = db.session.get_one(Grant, connection_id)
    flipped = {name: _flipped(getattr(grant, name)) for name in names or ("access_token", "refresh_token")}
    db.session.execute(update(Grant).where(Grant.connection_id == connection_id).values(**flipped))


def _flipped(sealed: Sealed | None) -> Sealed | None:
    return sealed and Sealed(sealed.raw[:-1] + bytes([sealed.raw[-1] ^ 1]))


def titles() -> list[str]:
    return [mail.detail["title"] for mail in outbox()]


def test_a_backend_is_told_to_come_back_and_the_admins_why(world: World, broken: UUID, stub: StubProvider):
    _, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    for _ in range(3):
        with pytest.raises(TokensUnreadable):
            tokens.fresh_token_for_key(key.reveal(), broken, min_ttl=None, now=NOON)
    assert titles() == ["The stored tokens of a connection at Stub cannot be opened"]
    assert grant_of(broken).failures == 0
    assert stub.refreshes == []


def test_a_refresh_under_way_elsewhere_keeps_its_lease_and_its_new_tokens_heal(
    world: World, portal: Flask, stub: StubProvider
):
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)
    flip(connection_id, "access_token")

    def asked_meanwhile(_token: str) -> None:
        with portal.app_context():
            with pytest.raises(TokensUnreadable):
                tokens.fresh_access_token(world.ana.asker, connection_id, now=NOON)
            leases.append(grant_of(connection_id).lease_until)

    leases: list[object] = []
    stub.answering = asked_meanwhile
    assert tokens.refresh_batch([connection_id], now=LATER) == 1
    assert leases != [None]
    assert stub.refreshes == ["refresh-1"]
    assert tokens.fresh_access_token(world.ana.asker, connection_id, now=LATER).generation == 2


def test_the_background_leaves_it_alone_each_time(broken: UUID, stub: StubProvider):
    for now in (LATER, LATER + 2 * HOUR, LATER + 4 * HOUR):
        set_grant(broken, refresh_due_at=now)
        assert tokens.refresh_batch([broken], now=now) == 0
        grant = grant_of(broken)
        assert grant.lease_until is None
        assert grant.refresh_due_at - now - HOUR < timedelta(seconds=5)
    assert len(titles()) == 1


def test_one_past_its_time_is_not_shown_to_the_provider(world: World, broken: UUID, stub: StubProvider):
    with pytest.raises(TokensUnreadable):
        tokens.fresh_access_token(world.ana.asker, broken, now=LATER)
    with pytest.raises(ProviderUnavailable):
        tokens.fresh_access_token(world.ana.asker, broken, now=LATER)
    assert (len(titles()), stub.refreshes, grant_of(broken).lease_until) == (1, [], None)


def test_the_background_leaves_it_for_an_hour(broken: UUID, stub: StubProvider):
    assert tokens.refresh_batch([broken], now=LATER) == 0
    assert grant_of(broken).refresh_due_at - LATER - HOUR < timedelta(seconds=5)
    assert len(titles()) == 1


def test_a_report_about_it_is_answered_likewise(world: World, broken: UUID, stub: StubProvider):
    seen = Seen(generation=1, status=401, headers={}, body="")
    with pytest.raises(TokensUnreadable):
        rejections.report(world.ana.asker, broken, seen, now=NOON)
    assert len(titles()) == 1


def test_where_nothing_refreshes_it_no_refresh_is_planned(world: World, stub: StubProvider):
    lasting = make_connection(world.ana, provider_id="stub", access_ends_in=60 * 24 * HOUR, refresh_token=None)
    set_grant(lasting, refresh_due_at=None)
    flip(lasting)
    with pytest.raises(TokensUnreadable):
        tokens.fresh_access_token(world.ana.asker, lasting, now=NOON)
    assert grant_of(lasting).refresh_due_at is None
    assert len(titles()) == 1
