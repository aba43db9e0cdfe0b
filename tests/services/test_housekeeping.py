"""What is kept how long, at both ends of each term, and how little anybody notices of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from jobs import housekeeping as jobs
from portal.adapters import workers
from portal.bulk import insert_rows
from portal.crypto import Sealed, digest, random_token
from portal.db import Base, db, reading, transaction
from portal.models import (
    BrowserSession,
    ConsentAttempt,
    DayBucket,
    Email,
    LoginLink,
    OneTimeView,
    PendingGrant,
    SignInRequest,
    WebhookDelivery,
    WebhookEndpoint,
)
from portal.models import Event as AuditEvent
from portal.models.columns import new_id
from portal.models.email import EmailKind, EmailStatus
from portal.models.webhook import DeliveryStatus
from portal.rules.login_links import LinkPurpose
from portal.rules.status import ConnectionState
from portal.services import heartbeats, housekeeping
from tests.factories import NOON, World, make_connection

DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)
pytestmark = pytest.mark.usefixtures("context")

Make = Callable[[World, datetime], Base]


def a_session(world: World, unseen_since: datetime) -> BrowserSession:
    return BrowserSession(
        id=new_id(),
        token_digest=digest(random_token()),
        organization_id=world.acme,
        member_id=world.ana.id,
        browser="Firefox",
        created_at=unseen_since,
        last_seen_at=unseen_since,
        ended_at=unseen_since,
    )


def a_link(world: World, ended_at: datetime) -> LoginLink:
    return LoginLink(
        organization_id=world.acme,
        member_id=world.ana.id,
        purpose=LinkPurpose.REMINDER,
        place="/",
        minted_at=ended_at - DAY,
        expires_at=ended_at,
    )


def an_email(world: World, settled_at: datetime | None) -> Email:
    return Email(
        organization_id=world.acme,
        member_id=world.ana.id,
        kind=EmailKind.INVITATION,
        status=EmailStatus.SENT if settled_at else EmailStatus.QUEUED,
        created_at=NOON - 400 * DAY,
        next_attempt_at=None,
        settled_at=settled_at,
    )


def a_request(world: World, answered_at: datetime) -> SignInRequest:
    return SignInRequest(address=world.ana.email, place="/", requested_at=answered_at, answered_at=answered_at)


def an_attempt(world: World, expired_at: datetime) -> ConsentAttempt:
    session = a_session(world, expired_at)
    db.session.add(session)
    db.session.flush()
    return ConsentAttempt(
        state_digest=digest(random_token()),
        organization_id=world.acme,
        member_id=world.ana.id,
        session_id=session.id,
        provider_id="demo-social",
        nickname="Company page",
        nonce="nonce",
        code_verifier=Sealed(b"sealed"),
        created_at=expired_at,
        expires_at=expired_at,
    )


def a_decision(world: World, settled_at: datetime, *, session_id: UUID | None = None) -> PendingGrant:
    return PendingGrant(
        organization_id=world.acme,
        member_id=world.ana.id,
        session_id=session_id,
        provider_id="demo-social",
        nickname="Company page",
        subject="ana",
        scopes="",
        accounts=[],
        token_type="Bearer",
        access_expires_at=None,
        created_at=settled_at,
        expires_at=settled_at,
        settled_at=settled_at,
        decision="keep_both",
    )


def a_secret_to_show(world: World, expires_at: datetime) -> OneTimeView:
    session = a_session(world, NOON)
    db.session.add(session)
    db.session.flush()
    return OneTimeView(session_id=session.id, subject_id=new_id(), secret=Sealed(b"sealed"), expires_at=expires_at)


def a_delivery(world: World, settled_at: datetime) -> WebhookDelivery:
    endpoint = WebhookEndpoint(
        id=new_id(),
        organization_id=world.acme,
        url="https://acme.example/hooks",
        state_since=NOON,
        secret=Sealed(b"sealed"),
        secret_made_at=NOON,
        created_at=NOON,
    )
    db.session.add(endpoint)
    db.session.flush()
    return WebhookDelivery(
        organization_id=world.acme,
        endpoint_id=endpoint.id,
        type="connection.connected",
        body="{}",
        status=DeliveryStatus.DEAD,
        created_at=settled_at,
        next_attempt_at=None,
        settled_at=settled_at,
    )


TERMS: list[tuple[Make, timedelta]] = [
    (a_request, DAY),
    (an_attempt, DAY),
    (a_decision, 30 * DAY),
    (a_session, 30 * DAY),
    (a_link, 90 * DAY),
    (an_email, 90 * DAY),
    (a_delivery, 30 * DAY),
    (a_secret_to_show, timedelta(0)),
]


@transaction
def store(*rows: Base) -> None:
    db.session.add_all(rows)


@reading
def count(model: type[Base]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def forget_all(now: datetime = NOON) -> int:
    """As many turns as it takes."""
    rows, turn = 0, housekeeping.forget_old(now=now)
    while turn.is_more:
        rows += turn.rows
        turn = housekeeping.forget_old(now=now)
    return rows + turn.rows


@pytest.mark.both_databases
@pytest.mark.parametrize(("make", "kept"), TERMS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_row_is_kept_to_the_last_moment_of_its_term_and_not_longer(world: World, make: Make, kept: timedelta) -> None:
    with_rows = transaction(lambda: [db.session.add(row) or type(row) for row in (make(world, NOON - kept),)])
    (model,) = with_rows()
    store(an_email(world, None))  # the newest e-mail stays in any case
    before = count(model)
    forget_all(NOON)
    assert count(model) == before
    forget_all(NOON + MOMENT)
    assert count(model) == before - 1
    assert forget_all(NOON + MOMENT) == 0


@pytest.mark.both_databases
def test_days_on_which_nothing_ends_any_more_are_cleared_away_after_a_month(world: World) -> None:
    def day(days_ago: int, connections: int) -> DayBucket:
        on = (NOON - days_ago * DAY).date()
        key = {"organization_id": world.acme, "state": ConnectionState.ACTIVE, "provider_id": "demo-social"}
        return DayBucket(**key, day=on, connections=connections)

    store(day(31, 0), day(30, 0), day(40, 1), day(0, 0))
    assert forget_all() == 1
    assert count(DayBucket) == 3


@pytest.mark.both_databases
def test_a_session_that_something_still_names_stays_until_that_has_gone(world: World) -> None:
    session = a_session(world, NOON - 100 * DAY)
    store(session)
    store(a_decision(world, NOON - 30 * DAY, session_id=session.id))
    assert forget_all(NOON) == 0
    forget_all(NOON + MOMENT)
    assert (count(PendingGrant), count(BrowserSession)) == (0, 0)


@pytest.mark.both_databases
def test_what_is_not_over_stays_however_old_it_is(world: World) -> None:
    outstanding = a_decision(world, NOON - 100 * DAY)
    outstanding.is_revocation_outstanding = True
    waiting = SignInRequest(address="x@acme.example", place="/", requested_at=NOON - 100 * DAY)
    store(outstanding, waiting, an_email(world, None), an_email(world, None))
    assert forget_all() == 0


@pytest.mark.both_databases
def test_an_old_emails_link_outlives_it(world: World) -> None:
    email, newest = an_email(world, NOON - 91 * DAY), an_email(world, None)
    store(email)
    store(newest)
    link = a_link(world, NOON)
    link.email_id = email.id
    store(link)
    assert forget_all() == 1
    assert (count(Email), count(LoginLink)) == (1, 1)


@pytest.mark.both_databases
def test_no_number_of_an_email_is_given_twice(world: World) -> None:
    """The Message-ID is made of it, and mail programs show only one of two mails with the same."""
    old = [an_email(world, NOON - 91 * DAY) for _ in range(3)]
    for email in old:
        store(email)
    forget_all()
    newer = an_email(world, None)
    store(newer)
    assert newer.id > max(email.id for email in old)


@pytest.mark.both_databases
def test_the_audit_log_and_signs_of_life_are_not_touched(world: World) -> None:
    make_connection(world.ana)
    store(AuditEvent(organization_id=world.acme, at=NOON - 9_000 * DAY, kind="grant:rotated", actor="portal", facts={}))
    heartbeats.beat(heartbeats.WORKER, NOON - 9_000 * DAY)
    assert forget_all() == 0
    assert count(AuditEvent) == 1
    assert heartbeats.seen(heartbeats.WORKER) is not None


@transaction
def make_old_links(world: World, number: int) -> None:
    shared = {"organization_id": world.acme, "member_id": world.ana.id, "purpose": LinkPurpose.REMINDER, "place": "/"}
    then = {"minted_at": NOON - 100 * DAY, "expires_at": NOON - 99 * DAY}
    insert_rows(db.session(), LoginLink, [{"id": new_id(), "email_id": None} | shared | then for _ in range(number)])


@pytest.mark.both_databases
def test_a_turn_takes_a_little_and_says_that_there_is_more(world: World) -> None:
    make_old_links(world, 25)
    first = housekeeping.forget_old(now=NOON, at_once=5)
    assert (first.rows, first.is_more) == (5 * housekeeping.BATCHES_A_TURN, True)
    rest = housekeeping.forget_old(now=NOON)
    assert (rest.rows, rest.is_more) == (25 - first.rows, False)


def test_the_job_rings_for_itself_until_nothing_is_left(world: World) -> None:
    from portal import clock

    make_old_links(world, housekeeping.AT_ONCE * housekeeping.BATCHES_A_TURN + 1)
    move_links_to(clock.now() - 99 * DAY)
    assert jobs.forget_old() == housekeeping.AT_ONCE * housekeeping.BATCHES_A_TURN
    assert workers.drain() >= 1
    assert count(LoginLink) == 0


@transaction
def move_links_to(moment: datetime) -> None:
    db.session.execute(update(LoginLink).values(expires_at=moment))


@pytest.mark.both_databases
def test_several_at_once_forget_everything_once(world: World, context: Flask) -> None:
    make_old_links(world, 300)
    forgotten: list[int] = []

    def forget_along() -> None:
        with context.app_context():
            while (turn := housekeeping.forget_old(now=NOON, at_once=20)).is_more:
                forgotten.append(turn.rows)
            forgotten.append(turn.rows)

    threads = [Thread(target=forget_along) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(forgotten), count(LoginLink)) == (300, 0)


@pytest.mark.slow
def test_others_write_meanwhile_without_waiting_for_long(world: World, context: Flask) -> None:
    """On SQLite one writer works at a time: whoever wants to write waits for a batch, and not for all of them."""
    make_old_links(world, 30_000)
    is_over, waits = Event(), [0.0]

    def write_on() -> None:
        with context.app_context():
            while not is_over.is_set():
                began = monotonic()
                heartbeats.beat(heartbeats.WORKER, NOON)
                waits.append(monotonic() - began)

    writer = Thread(target=write_on)
    writer.start()
    began = monotonic()
    forget_all()
    took = monotonic() - began
    is_over.set()
    writer.join()
    assert count(LoginLink) == 0
    assert len(waits) > 10
    assert max(waits) < took / 3  # in one go the longest wait would be nearly all of it
