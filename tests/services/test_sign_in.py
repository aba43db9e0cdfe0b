"""Asking for a link, looking at one, redeeming it once, and having a dead one sent anew."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier, Event
from typing import TypeVar

import pytest
from flask import Flask

from jobs import sign_in as jobs
from portal import clock
from portal.db import transaction
from portal.models.email import EmailKind
from portal.rules.login_links import LinkState
from portal.rules.roles import Role
from portal.services import audit, emails, sessions, sign_in
from portal.services.audit import EventKind
from portal.services.sign_in import Redeemed
from tests.factories import NOON, World, make_member, make_organization
from tests.links import change_member, delivered_link, live_sessions, requests, sign_in_mails, used_at

T = TypeVar("T")

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PLACE = "/connections/0190b5a4-0000-7000-8000-000000000001?tab=history"


def ask(address: str, place: str | None = None, *, now: datetime = NOON) -> int:
    """Ask for a link and have the request answered at once; says how many e-mails that queued."""
    sign_in.request(address, place, now=now)
    return sign_in.answer(requests()[-1].id, now=now)


def redeem(token: str, *, now: datetime) -> Redeemed | None:
    return sign_in.redeem(token, browser="Firefox on Linux", leaving=None, now=now)


def state(token: str, now: datetime) -> LinkState | None:
    view = sign_in.look(token, now=now)
    return view and view.state


# Asking


def test_a_known_address_gets_one_mail_that_leads_to_the_place_asked_for(context: Flask, world: World) -> None:
    assert ask("ana@acme.example", PLACE) == 1
    (mail,) = sign_in_mails()
    assert (mail.member_id, mail.place) == (world.ana.id, PLACE)


def test_an_unknown_address_gets_nothing(context: Flask, world: World) -> None:
    assert ask("nobody@acme.example") == 0
    assert not sign_in_mails()


def test_a_deactivated_member_gets_nothing(context: Flask, world: World) -> None:
    change_member(world.ana, deactivated_at=NOON)
    assert ask("ana@acme.example") == 0
    assert not sign_in_mails()


def test_a_member_of_two_organizations_gets_a_mail_for_each(context: Flask, world: World) -> None:
    make_member(world.globex, "Ana Alvarez", "ana@acme.example")
    assert ask("ana@acme.example") == 2
    assert {mail.organization_id for mail in sign_in_mails()} == {world.acme, world.globex}


def test_a_request_is_answered_once(context: Flask, world: World) -> None:
    sign_in.request("ana@acme.example", None, now=NOON)
    (asked,) = requests()
    assert [sign_in.answer(asked.id, now=NOON + later * MINUTE) for later in range(3)] == [1, 0, 0]


def test_a_place_outside_is_forgotten(context: Flask, world: World) -> None:
    ask("ana@acme.example", "https://globex.example/")
    assert sign_in_mails()[0].place == "/"


def test_a_flood_of_requests_for_one_address_brings_few_mails(context: Flask, world: World) -> None:
    asked = [ask("ana@acme.example", now=NOON + second * 10 * SECOND) for second in range(360)]
    assert sum(asked) == 5
    assert ask("ana@acme.example", now=NOON + HOUR + SECOND) == 1
    assert ask("ben@acme.example", now=NOON + HOUR + SECOND) == 1, "nobody else is held up by it"


def test_asking_never_touches_the_link_somebody_has(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    for minute in range(30):
        ask("ana@acme.example", now=NOON + minute * MINUTE)
    assert redeem(token, now=NOON + 30 * MINUTE) is not None


@pytest.mark.both_databases
def test_two_answers_at_once_send_one_mail(app: Flask, world: World) -> None:
    has_answered, may_go_on = Event(), Event()
    with app.app_context():
        for _ in range(2):
            sign_in.request("ana@acme.example", None, now=NOON)
        first, second = (asked.id for asked in requests())

    @transaction
    def answer_slowly() -> int:
        mails = sign_in.answer(first, now=NOON)
        has_answered.set()
        assert may_go_on.wait(20)
        return mails

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(within(app, answer_slowly))
        assert has_answered.wait(20)
        quick = pool.submit(within(app, lambda: sign_in.answer(second, now=NOON)))
        wait([quick], timeout=0.5)  # time enough to overlook what is not committed yet
        may_go_on.set()
        assert (slow.result(), quick.result()) == (1, 0)


def test_a_request_whose_bell_was_lost_is_answered_by_the_sweep(context: Flask, world: World) -> None:
    sign_in.request("ana@acme.example", None, now=NOON)
    assert sign_in.answer_waiting(now=NOON + SECOND) == 0, "its bell may still be heard"
    assert sign_in.answer_waiting(now=NOON + MINUTE) == 1
    assert sign_in.answer_waiting(now=NOON + 2 * MINUTE) == 0


def test_a_request_from_long_ago_is_not_answered_any_more(context: Flask, world: World) -> None:
    sign_in.request("ana@acme.example", None, now=NOON)
    assert sign_in.answer_waiting(now=NOON + HOUR + SECOND) == 0
    assert not sign_in_mails()


def test_the_jobs_answer_by_the_clock(context: Flask, world: World) -> None:
    now = clock.now()
    sign_in.request("ana@acme.example", None, now=now)
    jobs.answer(requests()[-1].id)
    sign_in.request("ben@acme.example", None, now=now - MINUTE)
    assert jobs.answer_waiting() == 1
    assert len(sign_in_mails()) == 2


# Looking and redeeming


LIVES = [
    (EmailKind.SIGN_IN, Role.MEMBER, 1),
    (EmailKind.SIGN_IN, Role.ORG_ADMIN, 1),
    (EmailKind.INVITATION, Role.MEMBER, 82),
    (EmailKind.REMINDER, Role.MEMBER, 82),
    (EmailKind.FINAL_NOTICE, Role.MEMBER, 82),
    (EmailKind.INVITATION, Role.ORG_ADMIN, 24),
    (EmailKind.REMINDER, Role.TEAM_OWNER, 24),
]


@pytest.mark.parametrize(("kind", "role", "hours"), LIVES)
def test_a_link_lives_to_its_last_second_and_not_one_more(
    kind: EmailKind, role: Role, hours: int, context: Flask, world: World
) -> None:
    change_member(world.ana, role=role)
    token = delivered_link(world.ana, now=NOON, kind=kind)
    end = NOON + hours * HOUR
    assert state(token, NOON) is LinkState.LIVE
    assert state(token, end - SECOND) is LinkState.LIVE
    assert state(token, end) is LinkState.EXPIRED
    assert redeem(token, now=end) is None
    assert redeem(token, now=end - SECOND) is not None


def test_looking_changes_nothing(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    for _ in range(100):
        assert state(token, NOON + MINUTE) is LinkState.LIVE
    assert used_at(world.ana) is None


def test_a_redeemed_link_signs_its_owner_in_and_tells_the_log(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, place=PLACE)
    redeemed = redeem(token, now=NOON + MINUTE)
    assert redeemed is not None
    member = sessions.find(redeemed.session_token, now=NOON + MINUTE)
    assert member is not None
    assert (member.member_id, redeemed.place) == (world.ana.id, PLACE)
    kinds = [event.kind for event in audit.page(world.chloe.asker)]
    assert {EventKind.LOGIN_LINK_USED, EventKind.SESSION_BEGUN} <= set(kinds)


def test_a_link_works_once(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    assert [redeem(token, now=NOON) is not None for _ in range(3)] == [True, False, False]
    assert state(token, NOON) is LinkState.USED
    assert live_sessions(world.ana) == 1


@pytest.mark.both_databases
def test_of_fifty_that_press_at_once_one_is_signed_in(app: Flask, world: World) -> None:
    with app.app_context():
        token = delivered_link(world.ana, now=NOON)
    at_once(app, [lambda: redeem(token, now=NOON)] * 50)
    with app.app_context():
        assert live_sessions(world.ana) == 1


def test_a_newer_link_supersedes_the_previous_one(context: Flask, world: World) -> None:
    first = delivered_link(world.ana, now=NOON, kind=EmailKind.REMINDER)
    second = delivered_link(world.ana, now=NOON + MINUTE)
    assert state(first, NOON + MINUTE) is LinkState.SUPERSEDED
    assert redeem(first, now=NOON + MINUTE) is None
    assert redeem(second, now=NOON + MINUTE) is not None


def test_nobodys_link_supersedes_anothers(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    delivered_link(world.ben, now=NOON + SECOND)
    assert state(token, NOON + SECOND) is LinkState.LIVE


def test_a_deactivated_members_link_is_no_link(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    change_member(world.ana, deactivated_at=NOON)
    assert sign_in.look(token, now=NOON) is None
    assert redeem(token, now=NOON) is None
    assert not sign_in.renew(token, now=NOON + 2 * HOUR)


@pytest.mark.parametrize("change", ["", "x", "truncated", "other signature", "other id", "padding", "ümlaut", "long"])
def test_a_token_we_did_not_make_is_no_link(change: str, context: Flask, world: World) -> None:
    token, other = delivered_link(world.ana, now=NOON), delivered_link(world.ben, now=NOON)
    wrong = {
        "truncated": token[:-1],
        "other signature": token[:21] + other[21:],
        "other id": other[:21] + token[21:],
        "padding": token + "==",
        "long": token * 100,
    }.get(change, change)
    assert sign_in.look(wrong, now=NOON) is None
    assert redeem(wrong, now=NOON) is None
    assert not sign_in.renew(wrong, now=NOON)


@pytest.mark.parametrize(
    ("role", "home"),
    [(Role.MEMBER, "/connections"), (Role.TEAM_OWNER, "/connections"), (Role.ORG_ADMIN, "/admin/connections")],
)
def test_without_a_place_the_role_decides_where_one_begins(role: Role, home: str, context: Flask, world: World) -> None:
    change_member(world.ana, role=role)
    ask("ana@acme.example")
    token = delivered_link(world.ana, now=NOON, place=sign_in_mails()[0].place)
    redeemed = redeem(token, now=NOON)
    assert redeemed is not None
    assert redeemed.place == home


def test_who_was_signed_in_before_is_signed_out_by_anothers_link(context: Flask, world: World) -> None:
    ben = sessions.find(sessions.begin(world.ben.id, browser="Firefox", now=NOON), now=NOON)
    assert ben is not None
    token = delivered_link(world.ana, now=NOON)
    sign_in.redeem(token, browser="Firefox", leaving=ben.asker, now=NOON)
    assert (live_sessions(world.ben), live_sessions(world.ana)) == (0, 1)


def test_who_presses_a_dead_link_stays_signed_in(context: Flask, world: World) -> None:
    ben = sessions.find(sessions.begin(world.ben.id, browser="Firefox", now=NOON), now=NOON)
    assert ben is not None
    token = delivered_link(world.ana, now=NOON)
    assert sign_in.redeem(token, browser="Firefox", leaving=ben.asker, now=NOON + HOUR) is None
    assert live_sessions(world.ben) == 1


# Having a dead link sent anew


def test_a_dead_link_is_renewed_to_the_same_person_and_place(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, kind=EmailKind.REMINDER, place=PLACE)
    assert sign_in.renew(token, now=NOON + 83 * HOUR)
    (mail,) = sign_in_mails()
    assert (mail.member_id, mail.place, mail.connection_id) == (world.ana.id, PLACE, None)


@pytest.mark.parametrize("how", ["expired", "superseded", "used"])
def test_every_kind_of_dead_link_can_be_renewed(how: str, context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, kind=EmailKind.REMINDER)
    later = NOON + 83 * HOUR if how == "expired" else NOON + MINUTE
    if how == "superseded":
        delivered_link(world.ana, now=NOON + SECOND, kind=EmailKind.REMINDER)
    if how == "used":
        redeem(token, now=NOON)
    assert sign_in.renew(token, now=later)
    assert len(sign_in_mails(world.ana.id)) == 1


def test_a_live_link_needs_no_renewal(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, kind=EmailKind.REMINDER)
    assert not sign_in.renew(token, now=NOON)
    assert not sign_in_mails()


def test_renewing_obeys_the_same_limits_and_gives_the_same_answer(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, kind=EmailKind.REMINDER)
    start = NOON + 83 * HOUR
    assert all(sign_in.renew(token, now=start + second * SECOND) for second in range(59))
    assert len(sign_in_mails()) == 1
    assert ask("ana@acme.example", now=start + 30 * SECOND) == 0, "one limit for both ways"


def test_whoever_used_their_link_a_moment_ago_gets_another_at_once(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON, place=PLACE)
    redeem(token, now=NOON + 10 * SECOND)
    assert sign_in.renew(token, now=NOON + 20 * SECOND)
    (mail,) = sign_in_mails()
    assert (mail.member_id, mail.place) == (world.ana.id, PLACE)
    assert [batch.email_ids for batch in emails.due_batches(now=NOON + 20 * SECOND)] == [(mail.id,)]


def test_a_link_that_was_just_superseded_is_replaced_when_the_minute_is_over(context: Flask, world: World) -> None:
    token = delivered_link(world.ana, now=NOON)
    delivered_link(world.ana, now=NOON + 10 * SECOND, kind=EmailKind.REMINDER)
    for second in range(20, 40):
        assert sign_in.renew(token, now=NOON + second * SECOND)
    (mail,) = sign_in_mails()
    assert not [batch for batch in emails.due_batches(now=NOON + 59 * SECOND) if mail.id in batch.email_ids]
    assert [batch for batch in emails.due_batches(now=NOON + MINUTE) if mail.id in batch.email_ids]


def test_whoever_has_a_live_link_from_a_moment_ago_gets_no_second_that_would_replace_it(
    context: Flask, world: World
) -> None:
    old = delivered_link(world.ana, now=NOON - MINUTE)
    newest = delivered_link(world.ana, now=NOON)
    assert sign_in.renew(old, now=NOON + 10 * SECOND)
    assert not sign_in_mails()
    assert redeem(newest, now=NOON + 20 * SECOND) is not None


def test_renewing_never_touches_the_newest_link(context: Flask, world: World) -> None:
    old = delivered_link(world.ana, now=NOON)
    newest = delivered_link(world.ana, now=NOON + MINUTE)
    for _ in range(20):
        sign_in.renew(old, now=NOON + 2 * MINUTE)
    assert redeem(newest, now=NOON + 2 * MINUTE) is not None


def test_organizations_with_the_same_person_are_told_apart(context: Flask, world: World) -> None:
    other = make_organization("Initech", "initech")
    twin = make_member(other, "Ana Alvarez", "ana@acme.example")
    token = delivered_link(twin, now=NOON)
    delivered_link(world.ana, now=NOON + SECOND)
    redeemed = redeem(token, now=NOON + SECOND)
    assert redeemed is not None
    member = sessions.find(redeemed.session_token, now=NOON + SECOND)
    assert member is not None
    assert member.organization_id == other


def at_once(app: Flask, acts: list[Callable[[], object]]) -> None:
    """Do all of this in threads that wait for each other first."""
    ready = Barrier(len(acts))

    def acting(act: Callable[[], object]) -> None:
        ready.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(within(app, partial(acting, act))) for act in acts]:
            done.result()


def within(app: Flask, act: Callable[[], T]) -> Callable[[], T]:
    """The act as a thread of the portal does it."""

    def acting() -> T:
        with app.app_context():
            return act()

    return acting
