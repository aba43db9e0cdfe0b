"""The list of a team owner's own team, as the service gives it."""

import pytest
from flask import Flask

from portal.rules.problems import Forbidden
from portal.rules.roles import Role
from portal.services import team
from portal.services.asker import Asker
from portal.services.listing import Filters
from tests.factories import NOON, World, make_connection, make_member


@pytest.mark.both_databases
@pytest.mark.parametrize("filters", [Filters(), Filters(team="Press"), Filters(search="ana")])
def test_without_a_team_nobody_is_seen(context: Flask, world: World, filters: Filters) -> None:
    make_connection(world.ana)
    zoe = make_member(world.acme, "Zoe Zorn", "zoe@acme.example", Role.TEAM_OWNER)
    found = team.ending_first(zoe.asker, filters, now=NOON)
    assert (found.team, found.rows, found.next_cursor) == (None, (), None)


def test_somebody_asking_in_another_organizations_name_has_no_team_there(context: Flask, world: World) -> None:
    make_connection(world.eve)
    stray = Asker.member(world.globex, world.dmitri.id, Role.TEAM_OWNER)
    assert team.ending_first(stray, Filters(), now=NOON).rows == ()


def test_a_backend_has_no_team(context: Flask, world: World) -> None:
    with pytest.raises(Forbidden):
        team.ending_first(Asker.portal(world.acme), Filters(), now=NOON)
