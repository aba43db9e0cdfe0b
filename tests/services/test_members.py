"""Who the people of an organization are and what they may do; nobody is left without an admin."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from flask import Flask

from portal.crypto import to_base64url
from portal.db import db, reading
from portal.models import Event, Member
from portal.rules.problems import InvalidRequest, LastAdmin, NotFound
from portal.rules.roles import Role
from portal.services import members, new_members, sessions
from portal.services.audit import EventKind
from portal.services.members import ListedMember
from tests.factories import NOON, Person, World, make_connection, make_member

pytestmark = pytest.mark.both_databases


def find(world: World, person: Person) -> ListedMember:
    return members.show(world.chloe.asker, person.id)


def is_signed_in(token: str) -> bool:
    return sessions.find(token, now=NOON) is not None


@reading
def events(kind: EventKind) -> int:
    return db.session.query(Event).filter_by(kind=kind.value).count()


def test_an_added_person_is_here_and_not_mailed(context: Flask, world: World) -> None:
    asker = world.chloe.asker
    member_id = new_members.add(asker, email="Fay.Fox@acme.example", name="", role="", team=" Press ", now=NOON)
    fay = members.show(asker, member_id)
    assert (fay.name, fay.role, fay.team, fay.invited_at) == ("Fay Fox", Role.MEMBER, "Press", None)
    assert events(EventKind.MEMBER_ADDED) == 1


def test_of_many_who_add_the_same_person_at_once_one_does_and_the_others_are_told(context: Flask, world: World) -> None:
    together = Barrier(6)

    def add(_number: int) -> str:
        with context.app_context():
            together.wait()
            try:
                new_members.add(world.chloe.asker, email="fay@acme.example", name="", role="", team=None, now=NOON)
            except InvalidRequest as refused:
                return refused.errors["email"]
            return "added"

    with ThreadPoolExecutor(6) as pool:
        told = sorted(pool.map(add, range(6)))
    assert told == ["Fay has this address and is a member already."] * 5 + ["added"]
    assert events(EventKind.MEMBER_ADDED) == 1


def test_everything_wrong_with_a_new_person_is_found_at_once(context: Flask, world: World) -> None:
    wrong = new_members.faults(world.chloe.asker, email="Ana@acme.example", name="x" * 101, role="king", team="\u202e")
    assert set(wrong) == {"email", "name", "role", "team"}
    assert new_members.faults(world.eve.asker, email="ana@acme.example", name="", role="", team=None) == {}


@pytest.mark.parametrize("is_gone", [False, True])
def test_an_address_is_one_persons(is_gone: bool, context: Flask, world: World) -> None:
    if is_gone:
        members.deactivate(world.chloe.asker, world.ana.id, now=NOON)
    with pytest.raises(InvalidRequest) as refused:
        new_members.add(world.chloe.asker, email="ANA@acme.example", name="", role="", team=None, now=NOON)
    assert ("reactivate" in refused.value.errors["email"]) is is_gone


def test_the_list_is_the_organizations_own_in_order(context: Flask, world: World) -> None:
    make_connection(world.ana)
    make_connection(world.eve)
    page = members.page(world.chloe.asker)
    assert [(row.name, row.connections) for row in page.rows] == [
        ("Ana Alvarez", 1),
        ("Ben Brandt", 0),
        ("Chloe Chen", 0),
        ("Dmitri Dahl", 0),
    ]
    assert page.next_cursor is None


@pytest.mark.parametrize(("words", "found"), [("alv", 1), ("ACME.EX", 4), ("chen", 1), ("_", 0), ("zz", 0), ("  ", 4)])
def test_people_are_found_by_any_part(words: str, found: int, context: Flask, world: World) -> None:
    assert len(members.page(world.chloe.asker, search=words).rows) == found


def test_pages_follow_each_other_without_a_gap(context: Flask, world: World) -> None:
    for number in range(117):
        make_member(world.acme, "Same Name", f"s{number}@acme.example")
    seen: list[UUID] = []
    after = None
    while True:
        page = members.page(world.chloe.asker, after=after)
        seen += [row.id for row in page.rows]
        after = page.next_cursor
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 121


def test_teams_are_named_once_each(context: Flask, world: World) -> None:
    make_member(world.acme, "Gil", "gil@acme.example", team="Ads")
    make_member(world.globex, "Hal", "hal@globex.example", team="Secret")
    assert members.teams(world.chloe.asker) == ("Ads", "Press")
    assert members.teams(make_member(world.globex, "x", "x@globex.example").asker) == ("Secret",)


def test_an_organization_without_teams_has_none(context: Flask, world: World) -> None:
    assert members.teams(world.eve.asker) == ()


def test_a_change_is_kept_and_told(context: Flask, world: World) -> None:
    members.change(world.chloe.asker, world.ana.id, name="Ana Acosta", role="team_owner", team="", now=NOON)
    ana = find(world, world.ana)
    assert (ana.name, ana.role, ana.team) == ("Ana Acosta", Role.TEAM_OWNER, None)
    assert events(EventKind.MEMBER_CHANGED) == 1


def test_saving_what_is_there_already_changes_nothing(context: Flask, world: World) -> None:
    members.change(world.chloe.asker, world.ana.id, name="Ana Alvarez", role="member", team="Press", now=NOON)
    assert events(EventKind.MEMBER_CHANGED) == 0


Deed = Callable[[World], None]


def demote(world: World) -> None:
    members.change(world.chloe.asker, world.chloe.id, name="", role="member", team=None, now=NOON)


def deactivate(world: World) -> None:
    members.deactivate(world.chloe.asker, world.chloe.id, now=NOON)


@pytest.mark.parametrize("deed", [demote, deactivate])
def test_the_last_admin_stays(deed: Deed, context: Flask, world: World) -> None:
    with pytest.raises(LastAdmin):
        deed(world)
    assert (find(world, world.chloe).role, find(world, world.chloe).deactivated_at) == (Role.ORG_ADMIN, None)


@pytest.mark.parametrize("deed", [demote, deactivate])
def test_one_of_two_admins_may_go_and_is_signed_out(deed: Deed, context: Flask, world: World) -> None:
    make_member(world.acme, "Dora", "dora@acme.example", Role.ORG_ADMIN)
    token = sessions.begin(world.chloe.id, browser="x", now=NOON)
    deed(world)
    assert not is_signed_in(token)


def test_a_deactivated_admin_does_not_count_as_one(context: Flask, world: World) -> None:
    dora = make_member(world.acme, "Dora", "dora@acme.example", Role.ORG_ADMIN)
    members.deactivate(world.chloe.asker, dora.id, now=NOON)
    with pytest.raises(LastAdmin):
        demote(world)


def test_two_admins_who_demote_each_other_at_once_leave_one(app: Flask, world: World) -> None:
    with app.app_context():
        dora = make_member(world.acme, "Dora", "dora@acme.example", Role.ORG_ADMIN)

    def demotes(pair: tuple[Person, Person]) -> bool:
        with app.app_context():
            try:
                members.change(pair[0].asker, pair[1].id, name="", role="member", team=None, now=NOON)
            except LastAdmin:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demotes, [(world.chloe, dora), (dora, world.chloe)]))
    assert sorted(done) == [False, True]


def test_a_promotion_signs_nobody_out(context: Flask, world: World) -> None:
    token = sessions.begin(world.ana.id, browser="x", now=NOON)
    members.change(world.chloe.asker, world.ana.id, name="", role="team_owner", team=None, now=NOON)
    assert is_signed_in(token)


def test_deactivation_ends_sessions_and_can_be_taken_back(context: Flask, world: World) -> None:
    token = sessions.begin(world.ana.id, browser="x", now=NOON)
    for _ in range(2):
        members.deactivate(world.chloe.asker, world.ana.id, now=NOON)
    assert not is_signed_in(token)
    assert find(world, world.ana).deactivated_at == NOON
    assert events(EventKind.MEMBER_DEACTIVATED) == 1
    for _ in range(2):
        members.reactivate(world.chloe.asker, world.ana.id, now=NOON)
    assert find(world, world.ana).deactivated_at is None
    assert not is_signed_in(token)
    assert events(EventKind.MEMBER_REACTIVATED) == 1


def test_nobody_reaches_another_organizations_people(context: Flask, world: World) -> None:
    asker = world.eve.asker
    deeds = (
        lambda: members.show(asker, world.ana.id),
        lambda: members.change(asker, world.ana.id, name="", role="org_admin", team=None, now=NOON),
        lambda: members.deactivate(asker, world.ana.id, now=NOON),
        lambda: members.reactivate(asker, world.ana.id, now=NOON),
    )
    for deed in deeds:
        with pytest.raises(NotFound):
            deed()
    assert reading(lambda: db.session.get_one(Member, world.ana.id).role)() is Role.MEMBER


WITH_A_NUL = to_base64url(b"00" * 16 + b"|Ana\x00")


@pytest.mark.parametrize("cursor", ["x", "", "fHw", "é", WITH_A_NUL])
def test_a_cursor_of_somebody_elses_making_is_refused_or_ignored(cursor: str, context: Flask, world: World) -> None:
    if not cursor:
        assert members.page(world.chloe.asker, after=cursor).rows
        return
    with pytest.raises(InvalidRequest):
        members.page(world.chloe.asker, after=cursor)
