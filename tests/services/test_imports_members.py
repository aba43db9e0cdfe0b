"""Members from a file: all of them or none, and a second time changes nothing."""

import io
from collections.abc import Callable

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Email, Event, Member
from portal.models.email import EmailKind
from portal.rules.problems import ImportRefused
from portal.rules.roles import Role
from portal.services import member_imports, members, sessions
from portal.services.audit import EventKind
from portal.services.import_reports import Imported
from tests.factories import NOON, World

pytestmark = pytest.mark.both_databases

HEADER = "email,name,role,team\n"


def load(world: World, *lines: str, is_dry_run: bool = False, is_inviting: bool = False) -> Imported:
    file = io.BytesIO((HEADER + "\n".join(lines)).encode())
    return member_imports.import_members(
        world.chloe.asker, file, is_dry_run=is_dry_run, is_inviting=is_inviting, now=NOON
    )


def refused(world: World, *lines: str) -> dict[int, str]:
    with pytest.raises(ImportRefused) as refusal:
        load(world, *lines)
    return dict(refusal.value.lines)


@reading
def people(world: World) -> dict[str, tuple[str, Role, str | None]]:
    rows = db.session.query(Member).filter_by(organization_id=world.acme)
    return {row.email: (row.name, row.role, row.team) for row in rows}


@reading
def count(table: type, **where: object) -> int:
    return db.session.query(table).filter_by(**where).count()


def test_new_people_are_added_and_nobody_is_mailed(context: Flask, world: World) -> None:
    done = load(world, "Fay@ACME.example,Fay Fox,team_owner,Press", "gil.gray@acme.example,,,")
    assert (done.added, done.changed, done.unchanged) == (2, 0, 0)
    assert people(world)["fay@acme.example"] == ("Fay Fox", Role.TEAM_OWNER, "Press")
    assert people(world)["gil.gray@acme.example"] == ("Gil Gray", Role.MEMBER, None)
    assert count(Email) == 0
    assert count(Event, kind=EventKind.MEMBER_ADDED) == 2
    assert count(Event, kind=EventKind.MEMBERS_IMPORTED) == 1


def test_importing_twice_changes_nothing(context: Flask, world: World) -> None:
    lines = ("fay@acme.example,Fay Fox,team_owner,Press", "ana@acme.example,,,")
    load(world, *lines, is_inviting=True)
    before, events, mails = people(world), count(Event), count(Email)
    again = load(world, *lines, is_inviting=True)
    assert (again.added, again.changed, again.unchanged, again.invited) == (0, 0, 2, 0)
    assert (people(world), count(Event), count(Email)) == (before, events, mails)


def test_known_people_are_brought_to_what_the_file_says_where_it_says_something(context: Flask, world: World) -> None:
    done = load(world, "ana@acme.example,Ana Acosta,,", "dmitri@acme.example,,member,Ads", "ben@acme.example,,,")
    assert (done.added, done.changed, done.unchanged) == (0, 2, 1)
    assert people(world)["ana@acme.example"] == ("Ana Acosta", Role.MEMBER, "Press")
    assert people(world)["dmitri@acme.example"] == ("Dmitri Dahl", Role.MEMBER, "Ads")


def test_a_dry_run_tells_the_same_and_changes_nothing(context: Flask, world: World) -> None:
    before = people(world)
    done = load(world, "fay@acme.example,,,", "ana@acme.example,Ana Acosta,,", is_dry_run=True, is_inviting=True)
    assert (done.added, done.changed, done.invited, done.is_dry_run) == (1, 1, 2, True)
    assert (people(world), count(Event), count(Email)) == (before, 0, 0)


def test_one_bad_line_keeps_all_out_and_every_one_is_named(context: Flask, world: World) -> None:
    before = people(world)
    bad = refused(
        world,
        "fay@acme.example,,,",
        "nonsense,,,",
        "gil@acme.example,,emperor,",
        "FAY@acme.example,,,",
        "hal@acme.example,,",
        f"ida@acme.example,{'x' * 101},king,",
    )
    assert set(bad) == {3, 4, 5, 6, 7}
    assert "line 2 has the same address" in bad[5]
    assert "name:" in bad[7]
    assert "role:" in bad[7]
    assert (people(world), count(Event)) == (before, 0)


def test_bad_lines_far_down_undo_what_came_before_them(context: Flask, world: World) -> None:
    good = [f"p{number}@acme.example,,," for number in range(2_500)]
    assert set(refused(world, *good, "nonsense,,,")) == {2_502}
    assert len(people(world)) == 4


def test_the_last_admin_cannot_be_taken_away_by_a_file(context: Flask, world: World) -> None:
    assert "without an org admin" in refused(world, "chloe@acme.example,,member,")[2]


@pytest.mark.parametrize("order", [list, reversed], ids=["before", "after"])
def test_an_admin_may_be_replaced_in_one_file(
    order: Callable[[list[str]], list[str]], context: Flask, world: World
) -> None:
    load(world, *order(["ana@acme.example,,org_admin,", "chloe@acme.example,,member,"]))
    assert people(world)["ana@acme.example"][1] is Role.ORG_ADMIN
    assert people(world)["chloe@acme.example"][1] is Role.MEMBER


def test_somebody_deactivated_is_no_admin_to_rely_on(context: Flask, world: World) -> None:
    members.deactivate(world.chloe.asker, world.ana.id, now=NOON)
    assert set(refused(world, "ana@acme.example,,org_admin,", "chloe@acme.example,,member,")) == {3}


def test_nobody_is_reactivated_or_invited_while_deactivated(context: Flask, world: World) -> None:
    members.deactivate(world.chloe.asker, world.ana.id, now=NOON)
    done = load(world, "ana@acme.example,Ana Acosta,,", is_inviting=True)
    assert (done.changed, done.invited) == (1, 0)
    assert members.show(world.chloe.asker, world.ana.id).deactivated_at == NOON


def test_a_demotion_by_file_signs_out(context: Flask, world: World) -> None:
    token = sessions.begin(world.dmitri.id, browser="x", now=NOON)
    load(world, "dmitri@acme.example,,member,")
    assert sessions.find(token, now=NOON) is None


def test_only_who_was_never_invited_is_invited(context: Flask, world: World) -> None:
    sessions.begin(world.ben.id, browser="x", now=NOON)
    done = load(world, "fay@acme.example,,,", "ana@acme.example,,,", "ben@acme.example,,,", is_inviting=True)
    assert done.invited == 2
    mails = reading(lambda: db.session.query(Email.kind, Email.place, Email.status).all())()
    assert [tuple(mail) for mail in mails] == [(EmailKind.INVITATION, "/", "queued")] * 2
    assert members.show(world.chloe.asker, world.ana.id).invited_at == NOON


def test_another_organizations_people_are_not_touched(context: Flask, world: World) -> None:
    load(world, "eve@globex.example,Somebody Else,member,")
    eve = members.show(world.eve.asker, world.eve.id)
    assert (eve.name, eve.role) == ("Eve Evans", Role.ORG_ADMIN)
    assert people(world)["eve@globex.example"][0] == "Somebody Else"


def test_imported_people_are_found_by_the_search(context: Flask, world: World) -> None:
    load(world, "fay@acme.example,Fay Quixote,,")
    assert [row.name for row in members.page(world.chloe.asker, search="quixo").rows] == ["Fay Quixote"]
