"""Writes over the generation that was seen, several at once."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.db import transaction
from portal.services import fenced_writes, token_store
from portal.services.fenced_writes import FencedWrite
from tests import factories
from tests.factories import NOON, World

SOON = NOON + timedelta(seconds=20)


@pytest.fixture
def connections(context: Flask, world: World) -> list[UUID]:
    return [factories.make_connection(world.ana, now=NOON) for _ in range(3)]


def fault(connection_id: UUID, word: str, *, generation: int = 1) -> FencedWrite:
    return FencedWrite(connection_id, generation, {"last_fault": word})


def fault_of(connection_id: UUID) -> str | None:
    grant = token_store.read(connection_id)
    assert grant is not None
    return grant.last_fault


@transaction
def together(*several: FencedWrite) -> list[bool]:
    return list(fenced_writes._write(several))


@pytest.mark.both_databases
def test_several_are_written_by_one_statement(connections: list[UUID]) -> None:
    assert together(*(fault(one, f"fault-{number}") for number, one in enumerate(connections))) == [True] * 3
    assert [fault_of(one) for one in connections] == ["fault-0", "fault-1", "fault-2"]


@pytest.mark.both_databases
def test_writes_of_other_columns_go_along(connections: list[UUID]) -> None:
    first, second, _ = connections
    other = FencedWrite(second, 1, {"failures": 7, "last_fault_at": NOON})
    assert together(fault(first, "transient"), other) == [True, True]
    grant = token_store.read(second)
    assert grant is not None
    assert (fault_of(first), grant.failures) == ("transient", 7)


@pytest.mark.both_databases
def test_one_that_is_beaten_leaves_nothing_of_the_others_behind_until_they_are_done_again(
    connections: list[UUID],
) -> None:
    first, second, _ = connections
    with pytest.raises(fenced_writes._Beaten):
        together(fault(first, "transient"), fault(second, "transient", generation=9))
    assert fault_of(first) is None
    assert fenced_writes.write(fault(first, "transient"))
    assert not fenced_writes.write(fault(second, "transient", generation=9))
    assert [fault_of(one) for one in connections] == ["transient", None, None]


@pytest.mark.both_databases
def test_a_lease_keeps_others_out_until_it_ends(connections: list[UUID]) -> None:
    lease = {"lease_owner": "somebody", "lease_until": SOON}
    assert fenced_writes.write(FencedWrite(connections[0], 1, lease, free_at=NOON))
    assert not fenced_writes.write(FencedWrite(connections[0], 1, lease, free_at=SOON - timedelta(seconds=1)))
    assert fenced_writes.write(FencedWrite(connections[0], 1, lease, free_at=SOON))


def test_what_follows_is_done_by_the_winner_alone(connections: list[UUID]) -> None:
    done: list[str] = []
    won = FencedWrite(connections[0], 1, {"last_fault": "transient"}, then=lambda: done.append("won"))
    lost = FencedWrite(connections[0], 9, {"last_fault": "transient"}, then=lambda: done.append("lost"))
    assert [fenced_writes.write(one) for one in (won, lost)] == [True, False]
    assert done == ["won"]
