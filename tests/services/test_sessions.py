"""Sessions are rows: whatever ends one ends it everywhere and at once."""

from datetime import datetime, timedelta

import pytest
from flask import Flask

from portal.rules.problems import NotFound
from portal.rules.roles import Role
from portal.services import audit, sessions
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.sessions import SignedInMember
from tests.factories import NOON, Person, World
from tests.links import age_sessions, change_member, live_sessions

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def begin(person: Person, *, browser: str = "Firefox on Linux", now: datetime = NOON) -> SignedInMember:
    member = sessions.find(sessions.begin(person.id, browser=browser, now=now), now=now)
    assert member is not None
    return member


def is_live(member: SignedInMember, now: datetime) -> bool:
    return sessions.find(member.get_id(), now=now) is not None


def test_a_session_knows_who_it_belongs_to(context: Flask, world: World) -> None:
    member = begin(world.ana)
    assert member.asker == Asker.member(world.acme, world.ana.id, Role.MEMBER, member.session_id)
    assert (member.name, member.email, member.organization_name) == ("Ana Alvarez", "ana@acme.example", "Acme")


def test_every_sign_in_is_a_new_session(context: Flask, world: World) -> None:
    assert len({begin(world.ana).get_id() for _ in range(5)}) == 5


def test_a_session_never_shows_its_token(context: Flask, world: World) -> None:
    member = begin(world.ana)
    assert member.get_id() not in repr(member)


@pytest.mark.parametrize("token", ["", "x", "ü", "a" * 10_000])
def test_an_unknown_token_is_nobodys(token: str, context: Flask, world: World) -> None:
    assert sessions.find(token, now=NOON) is None


ENDS = [
    (Role.MEMBER, 12 * HOUR, 7 * DAY),
    (Role.TEAM_OWNER, HOUR, 12 * HOUR),
    (Role.ORG_ADMIN, HOUR, 12 * HOUR),
]


@pytest.mark.parametrize(("role", "idle", "absolute"), ENDS)
def test_an_unused_session_ends(role: Role, idle: timedelta, absolute: timedelta, context: Flask, world: World) -> None:
    change_member(world.ana, role=role)
    member = begin(world.ana)
    assert is_live(member, NOON + idle - SECOND)
    assert not is_live(member, NOON + idle)


@pytest.mark.parametrize(("role", "idle", "absolute"), ENDS)
def test_a_busy_session_ends_as_well_in_the_end(
    role: Role, idle: timedelta, absolute: timedelta, context: Flask, world: World
) -> None:
    change_member(world.ana, role=role)
    member = begin(world.ana)
    sessions.touch(member.session_id, now=NOON + absolute - MINUTE)
    assert is_live(member, NOON + absolute - SECOND)
    assert not is_live(member, NOON + absolute)


def test_touching_keeps_a_session_from_falling_asleep(context: Flask, world: World) -> None:
    member = begin(world.ana)
    sessions.touch(member.session_id, now=NOON + 11 * HOUR)
    assert is_live(member, NOON + 22 * HOUR)


def test_touching_never_goes_back_in_time(context: Flask, world: World) -> None:
    member = begin(world.ana)
    sessions.touch(member.session_id, now=NOON + 11 * HOUR)
    sessions.touch(member.session_id, now=NOON + HOUR)
    assert is_live(member, NOON + 22 * HOUR)


def test_touching_does_not_wake_an_ended_session(context: Flask, world: World) -> None:
    member = begin(world.ana)
    sessions.end(member.asker, now=NOON)
    sessions.touch(member.session_id, now=NOON + MINUTE)
    assert not is_live(member, NOON + MINUTE)


def test_signing_out_ends_this_session_alone(context: Flask, world: World) -> None:
    here, elsewhere = begin(world.ana), begin(world.ana)
    sessions.end(here.asker, now=NOON)
    assert not is_live(here, NOON)
    assert is_live(elsewhere, NOON)
    assert audit.page(world.chloe.asker)[0].kind == EventKind.SESSION_ENDED


def test_signing_out_everywhere_ends_all_of_ones_own(context: Flask, world: World) -> None:
    here, elsewhere, bens = begin(world.ana), begin(world.ana), begin(world.ben)
    assert sessions.end_all(here.asker, now=NOON) == 2
    assert not is_live(here, NOON)
    assert not is_live(elsewhere, NOON)
    assert is_live(bens, NOON)


def test_a_deactivated_member_is_out_at_once(context: Flask, world: World) -> None:
    member = begin(world.ana)
    change_member(world.ana, deactivated_at=NOON)
    assert not is_live(member, NOON)


def test_a_role_taken_away_is_gone_at_once(context: Flask, world: World) -> None:
    member = begin(world.chloe)
    change_member(world.chloe, role=Role.MEMBER)
    again = sessions.find(member.get_id(), now=NOON)
    assert again is not None
    assert again.role is Role.MEMBER


def test_a_promotion_shortens_the_session_at_once(context: Flask, world: World) -> None:
    member = begin(world.ana)
    sessions.touch(member.session_id, now=NOON + 12 * HOUR)
    assert is_live(member, NOON + 12 * HOUR)
    change_member(world.ana, role=Role.ORG_ADMIN)
    assert not is_live(member, NOON + 12 * HOUR)


def test_an_admin_ends_the_sessions_of_their_own_people_alone(context: Flask, world: World) -> None:
    member = begin(world.ana)
    sessions.end_all_of(world.eve.asker, world.ana.id, now=NOON)
    assert is_live(member, NOON), "Eve is an admin elsewhere"
    sessions.end_all_of(world.chloe.asker, world.ana.id, now=NOON)
    assert not is_live(member, NOON)


def test_ones_own_sessions_are_listed_this_one_first(context: Flask, world: World) -> None:
    here = begin(world.ana, browser="Firefox on Linux", now=NOON - HOUR)
    begin(world.ana, browser="Safari on iPhone", now=NOON - 2 * HOUR)
    begin(world.ana, browser="Edge on Windows", now=NOON)
    begin(world.ben)
    listed = sessions.own(here.asker, now=NOON)
    assert [one.browser for one in listed] == ["Firefox on Linux", "Edge on Windows", "Safari on iPhone"]
    assert [one.is_current for one in listed] == [True, False, False]
    assert listed[0].ends_at == NOON + 11 * HOUR


def test_sessions_that_are_over_are_not_listed(context: Flask, world: World) -> None:
    old = begin(world.ana, now=NOON - 12 * HOUR)
    here, ended = begin(world.ana), begin(world.ana)
    sessions.end(ended.asker, now=NOON)
    assert not is_live(old, NOON)
    assert [one.id for one in sessions.own(here.asker, now=NOON)] == [here.session_id]


def test_an_admins_list_goes_by_their_shorter_ends(context: Flask, world: World) -> None:
    begin(world.chloe, now=NOON - HOUR)
    here = begin(world.chloe)
    (listed,) = sessions.own(here.asker, now=NOON)
    assert listed.ends_at == NOON + HOUR


def test_another_session_of_ones_own_can_be_ended(context: Flask, world: World) -> None:
    here, elsewhere = begin(world.ana), begin(world.ana)
    sessions.end_own(here.asker, elsewhere.session_id, now=NOON)
    sessions.end_own(here.asker, elsewhere.session_id, now=NOON)
    assert not is_live(elsewhere, NOON)
    assert is_live(here, NOON)


@pytest.mark.parametrize("asking", ["ben", "chloe", "eve"])
def test_anothers_session_is_not_there(asking: str, context: Flask, world: World) -> None:
    anas = begin(world.ana)
    person: Person = getattr(world, asking)
    with pytest.raises(NotFound):
        sessions.end_own(begin(person).asker, anas.session_id, now=NOON)
    assert is_live(anas, NOON)


def test_a_long_name_of_a_browser_is_cut(context: Flask, world: World) -> None:
    here = begin(world.ana, browser="x" * 500)
    assert len(sessions.own(here.asker, now=NOON)[0].browser) == 120


def test_an_aged_session_counts_from_its_beginning(context: Flask, world: World) -> None:
    member = begin(world.ana)
    age_sessions(world.ana, began=NOON - 7 * DAY, last_seen=NOON)
    assert not is_live(member, NOON)
    assert live_sessions(world.ana) == 1, "nobody ended it; it is simply over"
