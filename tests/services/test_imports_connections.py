"""Connections from a file: sealed, counted, reminded of like all others; all or none; twice changes nothing."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from portal.db import db, reading, transaction
from portal.extensions import keyring
from portal.models import Connection, DayBucket, Event, Grant, Reminder
from portal.models.grant import seal_context
from portal.rules.imported import COLUMNS
from portal.rules.problems import ImportRefused
from portal.rules.status import ConnectionState, Status
from portal.services import connection_imports, members, overview, tokens
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.import_reports import Imported
from tests.factories import NOON, World, make_connection

pytestmark = pytest.mark.both_databases

CANARY = "canary-7d4e2a"
DAY = timedelta(days=1)
ENDS_AT = datetime(2026, 5, 1, 8, tzinfo=UTC)


def line(**cells: str) -> str:
    usual = {
        "email": "ana@acme.example",
        "provider": "demo-social",
        "nickname": "Company page",
        "subject": "sub-1",
        "access_token": f"{CANARY}-access",
        "refresh_token": f"{CANARY}-refresh",
        "access_expires_at": "2026-03-10T14:00:00Z",
        "consent_expires_at": "2026-05-01T08:00:00Z",
        "scopes": "pages.read openid",
    }
    return ",".join((usual | cells)[column] for column in COLUMNS)


def load(world: World, *lines: str, is_dry_run: bool = False, now: datetime = NOON) -> Imported:
    file = io.BytesIO("\n".join([",".join(COLUMNS), *lines]).encode())
    return connection_imports.import_connections(world.chloe.asker, file, is_dry_run=is_dry_run, now=now)


def refused(world: World, *lines: str) -> dict[int, str]:
    before = everything()
    with pytest.raises(ImportRefused) as refusal:
        load(world, *lines)
    assert everything() == before
    assert CANARY not in str(refusal.value.fields)
    return dict(refusal.value.lines)


@reading
def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, so that "nothing changed" means nothing."""
    names = ("connections", "grants", "reminders", "day_buckets", "events", "emails", "members")
    return {name: sorted(map(tuple, db.session.execute(text(f"SELECT * FROM {name}"))), key=repr) for name in names}


@reading
def one() -> tuple[Connection, Grant, Reminder | None]:
    connection = db.session.query(Connection).one()
    grant = db.session.get_one(Grant, connection.id)
    reminder = db.session.get(Reminder, connection.id)
    db.session.expunge_all()
    return connection, grant, reminder


@transaction
def alter(connection_id: object, **values: object) -> None:
    connection = db.session.get_one(Connection, connection_id)
    for name, value in values.items():
        setattr(connection, name, value)


def test_an_imported_connection_is_like_any_other(context: Flask, world: World) -> None:
    done = load(world, line())
    assert (done.added, done.unchanged) == (1, 0)
    connection, grant, reminder = one()
    assert (connection.member_id, connection.nickname, connection.state) == (
        world.ana.id,
        "Company page",
        ConnectionState.ACTIVE,
    )
    assert (connection.subject, connection.consent_expires_at, connection.consent_end_source) == (
        "sub-1",
        ENDS_AT,
        "import",
    )
    assert (grant.generation, grant.scopes) == (1, "openid pages.read")
    assert grant.access_expires_at == NOON + timedelta(hours=2)
    assert grant.refresh_due_at is not None
    assert NOON < grant.refresh_due_at < grant.access_expires_at
    assert reminder is not None
    assert (reminder.next_step, reminder.next_at) == (14, ENDS_AT - 14 * DAY)


def test_its_tokens_are_sealed_and_handed_out(context: Flask, world: World) -> None:
    load(world, line())
    connection, grant, _ = one()
    assert CANARY.encode() not in b"".join(map(bytes, reading(sealed_columns)()))
    assert grant.refresh_token is not None
    opened = keyring().open(grant.refresh_token, seal_context(connection.id, "refresh_token"))
    assert opened.reveal() == f"{CANARY}-refresh"
    fresh = tokens.fresh_access_token(world.chloe.asker, connection.id, now=NOON)
    assert fresh.access_token.reveal() == f"{CANARY}-access"


def sealed_columns() -> list[bytes]:
    rows = db.session.execute(text("SELECT access_token, refresh_token FROM grants"))
    return [value for row in rows for value in row]


def test_the_counts_know_imported_connections(context: Flask, world: World) -> None:
    load(
        world,
        line(),
        line(subject="sub-2", consent_expires_at="2026-03-12"),
        line(subject="sub-3", provider="demo-video"),
    )
    found = overview.of_organization(world.chloe.asker, now=NOON)
    assert (found.counts[Status.ACTIVE], found.counts[Status.ENDING], found.total) == (2, 1, 3)


def test_its_history_begins_with_the_import(context: Flask, world: World) -> None:
    load(world, line())
    kinds = reading(lambda: [event.kind for event in db.session.query(Event).order_by(Event.id)])()
    assert kinds == [EventKind.CONNECTION_IMPORTED, EventKind.CONNECTIONS_IMPORTED]


def test_one_that_ends_soon_is_reminded_of_at_once(context: Flask, world: World) -> None:
    load(world, line(consent_expires_at="2026-03-15T08:00:00Z"))
    _, _, reminder = one()
    assert reminder is not None
    assert (reminder.next_step, reminder.next_at) == (6, NOON)


@pytest.mark.parametrize(
    ("cells", "ends_at"),
    [
        ({"access_expires_at": ""}, NOON),
        ({"access_token": ""}, NOON),
        ({"access_token": "", "access_expires_at": "2026-03-10T14:00:00Z"}, NOON),
        ({"refresh_token": "", "access_expires_at": ""}, NOON + timedelta(hours=1)),
        ({"access_expires_at": "2026-03-09"}, datetime(2026, 3, 9, tzinfo=UTC)),
    ],
    ids=["unknown, but a refresh can tell", "no access token", "one that is not there", "unknown for good", "over"],
)
def test_a_token_is_never_taken_to_live_longer_than_is_known(
    cells: dict[str, str], ends_at: datetime, context: Flask, world: World
) -> None:
    load(world, line(**cells))
    _, grant, _ = one()
    assert grant.access_expires_at == ends_at
    if grant.refresh_token is not None:
        assert grant.refresh_due_at is not None
        assert grant.refresh_due_at <= NOON
    assert (grant.access_token is None) is (cells.get("access_token") == "")


def test_an_end_nobody_stated_is_the_catalogs(context: Flask, world: World) -> None:
    load(world, line(consent_expires_at=""))
    connection, _, _ = one()
    assert (connection.consent_expires_at, connection.consent_end_source) == (NOON + 60 * DAY, "catalog")


def test_importing_twice_changes_nothing(context: Flask, world: World) -> None:
    lines = (line(), line(subject="", nickname="Second"), line(email="ben@acme.example", subject="sub-3", nickname=""))
    load(world, *lines)
    before = everything()
    again = load(world, *lines, now=NOON + DAY)
    assert (again.added, again.unchanged) == (0, 3)
    assert everything() == before


@pytest.mark.parametrize("subject", ["sub-1", ""])
@pytest.mark.parametrize(
    "later",
    [
        {"nickname": "Renamed"},
        {"subject": "learned since"},
        {"state": ConnectionState.DISCONNECTED},
        {"state": ConnectionState.DISPLACED},
        {"nickname": "Renamed", "subject": "another login", "state": ConnectionState.DISCONNECTED},
    ],
    ids=str,
)
def test_a_file_never_brings_back_what_was_changed_since(
    later: dict[str, object], subject: str, context: Flask, world: World
) -> None:
    load(world, line(subject=subject))
    alter(one()[0].id, **later)
    before = everything()
    assert load(world, line(subject=subject)).unchanged == 1
    assert everything() == before


def test_a_login_connected_by_its_member_already_is_left_alone(context: Flask, world: World) -> None:
    make_connection(world.ana, subject="sub-1", nickname="By hand")
    assert load(world, line()).unchanged == 1


@pytest.mark.parametrize("holder", ["ben", "eve"])
def test_a_login_of_somebody_else_is_a_bad_line(holder: str, context: Flask, world: World) -> None:
    make_connection(getattr(world, holder), subject="sub-1")
    assert refused(world, line()) == {2: "subject: this login is connected by somebody else already."}


def test_a_login_somebody_gave_up_is_free(context: Flask, world: World) -> None:
    make_connection(world.ben, subject="sub-1", state=ConnectionState.DISCONNECTED)
    assert load(world, line()).added == 1


def test_an_open_invitation_stands_in_nobodys_way(context: Flask, world: World) -> None:
    make_connection(world.ana, state=ConnectionState.INVITED, nickname="Company page", consent_ends_in=None)
    assert load(world, line(subject="")).added == 1


def test_every_bad_line_is_named_and_no_token_is_repeated(context: Flask, world: World) -> None:
    members.deactivate(world.chloe.asker, world.ben.id, now=NOON)
    bad = refused(
        world,
        line(),
        line(),
        line(email="nobody@acme.example", subject="s3"),
        line(email="eve@globex.example", subject="s4"),
        line(email="ben@acme.example", subject="s5"),
        line(provider="myspace", subject="s6"),
        line(provider="linkedin", subject="s7"),
        line(provider=CANARY, subject="s8"),
        line(access_token="", refresh_token="", subject="s9"),
        line(access_expires_at=CANARY, subject="s10"),
        line(email=CANARY, subject="s11"),
        line(subject="", nickname="Twice"),
        line(subject="", nickname="Twice"),
        f"{CANARY},{CANARY}",
    )
    assert set(bad) == {3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15}
    assert "line 2 has the same login" in bad[3]
    assert "Import the members first" in bad[4]
    assert "deactivated" in bad[6]
    assert "in the catalog" in bad[7]
    assert "no app of yours is configured" in bad[8]


def test_a_header_full_of_tokens_is_not_repeated(context: Flask, world: World) -> None:
    file = io.BytesIO(line().encode())
    with pytest.raises(ImportRefused) as refusal:
        connection_imports.import_connections(world.chloe.asker, file, now=NOON)
    assert CANARY not in str(refusal.value.fields)


def test_a_dry_run_changes_nothing(context: Flask, world: World) -> None:
    before = everything()
    done = load(world, line(), is_dry_run=True)
    assert (done.added, done.is_dry_run) == (1, True)
    assert everything() == before


def test_a_bad_line_far_down_undoes_all_before_it(context: Flask, world: World) -> None:
    lines = [line(subject=f"s{number}", nickname=f"Page {number}") for number in range(1_200)]
    assert set(refused(world, *lines, line(email="nobody@acme.example"))) == {1_202}
    assert reading(lambda: db.session.query(DayBucket).count())() == 0


def test_a_login_claimed_by_two_files_at_once_goes_to_one(app: Flask, world: World) -> None:
    def claims(asker_and_email: tuple[Asker, str]) -> tuple[int, set[str]]:
        asker, email = asker_and_email
        lines = [line(email=email, subject=f"s{number}", nickname=f"n{number}") for number in range(300)]
        file = io.BytesIO("\n".join([",".join(COLUMNS), *lines]).encode())
        with app.app_context():
            try:
                return connection_imports.import_connections(asker, file, now=NOON).added, set()
            except ImportRefused as refusal:
                return 0, {message for _, message in refusal.lines}

    with ThreadPoolExecutor(2) as pool:
        claimed = pool.map(claims, [(world.chloe.asker, world.ana.email), (world.eve.asker, world.eve.email)])
        assert sorted(claimed, key=lambda one: one[0]) == [(0, {connection_imports.HELD}), (300, set())]
