from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask

from portal.models.columns import new_id
from portal.services.read_ahead import READ_AT_ONCE, ReadAhead
from tests import refreshes
from tests.crowd import make_crowd
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.page import counting_queries

pytestmark = pytest.mark.both_databases
MANY = 5


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def connection_ids(portal: Flask, world: World) -> list[UUID]:
    return make_crowd(world.ana, MANY)


def test_many_grants_are_read_at_once(portal: Flask, connection_ids: list[UUID]):
    ahead = ReadAhead(connection_ids)
    with counting_queries(portal) as statements:
        found = [ahead.grant(one) for one in connection_ids]
    assert [one.connection_id for one in found if one] == connection_ids
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


def test_no_more_are_read_than_soon_needed(world: World):
    unconnected = [new_id() for _ in range(READ_AT_ONCE)]
    ahead = ReadAhead([*unconnected, connected := make_connection(world.ana, provider_id="stub")])
    assert ahead.grant(unconnected[0]) is None
    assert refreshes.bring(connected, "newer", now=NOON)
    assert (grant := ahead.grant(connected)) is not None
    assert grant.generation == 2


def test_what_was_read_too_long_ago_is_read_again(connection_ids: list[UUID]):
    ahead = ReadAhead(connection_ids, believed_for_s=0)
    assert (first := ahead.grant(connection_ids[0])) is not None
    assert first.generation == 1
    assert refreshes.bring(connection_ids[1], "newer", now=NOON)
    assert (second := ahead.grant(connection_ids[1])) is not None
    assert second.generation == 2


def test_who_has_no_grant_gets_none(world: World):
    invited = new_id()
    assert ReadAhead([invited]).grant(invited) is None
