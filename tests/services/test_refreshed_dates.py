"""What a refresh does to dates: when the next one is due, when a human must act, what the provider's file asks for."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Reminder
from portal.services import token_store, tokens
from tests.crowd import change_file, connection_of, grant_of, in_json, set_grant
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider
from tests.outbox import replan, series

pytestmark = pytest.mark.both_databases

SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
ROTATING = 'rotation = "rotating"'
CLOCKS = "[clocks]\n"
HUMAN = 'human_at = "refresh_absolute"'
FILE = pytest.mark.parametrize


@pytest.fixture
def changes() -> Mapping[str, str]:
    """What a test changes in the stub's file."""
    return {}


@pytest.fixture(autouse=True)
def portal(
    stub: StubProvider, environ: dict[str, str], changes: Mapping[str, str], request: pytest.FixtureRequest
) -> Iterator[Flask]:
    for old, new in changes.items():
        change_file(environ, old, new)
    app: Flask = request.getfixturevalue("app")
    with app.app_context():
        yield app


def answer(stub: StubProvider, **fields: object) -> None:
    """Let every refresh bring these fields beside an access token."""
    stub.answering = lambda _token: in_json(200, **({"access_token": "new", "token_type": "Bearer"} | fields))


def refresh(connection_id: UUID, now) -> int:
    set_grant(connection_id, refresh_due_at=now)
    return tokens.refresh_batch([connection_id], now=now)


def is_about(moment, expected) -> bool:
    return moment is not None and abs(moment - expected) < 5 * SECOND


@FILE("changes", [{ROTATING: f"{ROTATING}\nmin_age_s = 86400"}], ids=["min_age_s"])
def test_a_token_younger_than_the_provider_renews_is_handed_out_as_it_is(world: World, stub: StubProvider):
    young = make_connection(world.ana, provider_id="stub", access_ends_in=60 * DAY)
    fresh = tokens.fresh_access_token(world.ana.asker, young, min_ttl=60 * DAY, now=NOON + HOUR)
    assert fresh.generation == 1
    assert refresh(young, NOON + HOUR) == 0
    assert stub.refreshes == []
    assert refresh(young, NOON + DAY) == 1


@pytest.mark.parametrize("changes", [{}, {ROTATING: f"{ROTATING}\nold_access_dies = true"}], ids=["lives on", "dies"])
def test_a_caller_who_wants_a_whole_life_ends_nobodys_token_each_time_it_asks(
    world: World, stub: StubProvider, changes: Mapping[str, str]
):
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)
    moments = (NOON + 30 * MINUTE, NOON + 31 * MINUTE, NOON + 34 * MINUTE, NOON + 36 * MINUTE)
    for now in moments:
        fresh = tokens.fresh_access_token(world.ana.asker, connection_id, min_ttl=HOUR, now=now)
        assert fresh.expires_at >= now + 55 * MINUTE
    assert len(stub.refreshes) == (2 if changes else len(moments))


@FILE("changes", [{ROTATING: f"{ROTATING}\nmin_age_s = 86400"}], ids=["min_age_s"])
def test_the_next_refresh_waits_for_the_tokens_age(world: World, stub: StubProvider):
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=30 * HOUR)
    answer(stub, expires_in=26 * 3600)
    assert refresh(connection_id, NOON + DAY) == 1
    assert is_about(grant_of(connection_id).refresh_due_at, NOON + 2 * DAY)


EXCHANGE = {
    ROTATING: 'mode = "exchange"\nparams = { t = "{access_token}" }\ntrust_only_later_expiry = true',
    HUMAN: 'access_s = 5184000\nhuman_at = "access"',
    'name = "Stub"': 'name = "Stub"\nas_of = "2026-11-20"',
}


def long_lived(world: World) -> UUID:
    connection_id = make_connection(
        world.ana, provider_id="stub", access_ends_in=60 * DAY, consent_ends_in=60 * DAY, refresh_token=None
    )
    replan(connection_id, now=NOON, is_fresh=True)
    return connection_id


@FILE("changes", [EXCHANGE], ids=["trust_only_later_expiry"])
@pytest.mark.parametrize("told", [{"expires_in": 15 * 86_400}, {}], ids=["the same end", "no end at all"])
def test_an_exchange_that_brings_no_later_end_changes_no_date(
    world: World, stub: StubProvider, told: Mapping[str, int]
):
    connection_id = long_lived(world)
    answer(stub, **told)
    refresh(connection_id, NOON + 45 * DAY)
    grant = grant_of(connection_id)
    assert token_store.read(connection_id).secret("access_token").reveal() == "access-1"
    assert (grant.access_expires_at, grant.issued_at) == (NOON + 60 * DAY, NOON)
    assert connection_of(connection_id).consent_expires_at == NOON + 60 * DAY
    assert is_about(grant.refresh_due_at, NOON + 52.5 * DAY)
    reminder = series(connection_id)
    assert reminder is not None
    assert reminder.next_step == 14


@FILE("changes", [EXCHANGE], ids=["trust_only_later_expiry"])
def test_exchanges_in_vain_become_rarer_and_end_before_the_token_does(world: World, stub: StubProvider):
    connection_id = long_lived(world)
    asked: list[object] = []

    def in_vain(token: str) -> object:
        asked.append(token)
        return in_json(200, access_token="same", expires_in=60)

    stub.answering = in_vain
    now = NOON + 45 * DAY
    while now < NOON + 60 * DAY:
        refresh(connection_id, now)
        now = grant_of(connection_id).refresh_due_at or NOON + 60 * DAY
    assert 3 <= len(asked) <= 8


@FILE("changes", [EXCHANGE], ids=["trust_only_later_expiry"])
def test_an_exchange_that_brings_a_later_end_moves_the_humans_date_and_the_reminders(world: World, stub: StubProvider):
    connection_id = long_lived(world)
    answer(stub, expires_in=int((60 * DAY).total_seconds()))
    assert refresh(connection_id, NOON + 50 * DAY) == 1
    connection = connection_of(connection_id)
    assert is_about(connection.consent_expires_at, NOON + 110 * DAY)
    assert connection.consent_end_source == "response"
    reminder = series(connection_id)
    assert reminder is not None
    assert is_about(reminder.next_at, NOON + 96 * DAY)


TIKTOK = {CLOCKS: f"{CLOCKS}refresh_absolute_s = 15552000\n", 'name = "Stub"': 'name = "Stub"\nas_of = "2026-11-20"'}


@FILE("changes", [TIKTOK], ids=["counted from issue"])
@pytest.mark.parametrize("stated_s", [15_552_000, None], ids=["stated", "from the catalog"])
def test_a_refresh_token_that_lives_longer_moves_the_humans_date(
    world: World, stub: StubProvider, stated_s: int | None
):
    connection_id = make_connection(world.ana, provider_id="stub", consent_ends_in=5 * DAY)
    replan(connection_id, now=NOON)
    stated = {} if stated_s is None else {"refresh_token_expires_in": stated_s}
    answer(stub, expires_in=7200, refresh_token="refresh-2", **stated)
    assert refresh(connection_id, NOON + HOUR) == 1
    connection = connection_of(connection_id)
    assert is_about(connection.consent_expires_at, NOON + HOUR + 180 * DAY)
    assert connection.consent_end_source == ("response" if stated_s else "catalog")
    assert is_about(grant_of(connection_id).refresh_expires_at, NOON + HOUR + 180 * DAY)
    reminder = series(connection_id)
    assert reminder is not None
    assert is_about(reminder.next_at, NOON + HOUR + 166 * DAY)


def test_a_refresh_token_that_is_found_to_end_sooner_has_its_member_reminded(world: World, stub: StubProvider):
    connection_id = make_connection(world.ana, provider_id="stub", consent_ends_in=60 * DAY)
    replan(connection_id, now=NOON)
    answer(stub, expires_in=7200, refresh_token="refresh-2", refresh_token_expires_in=int((5 * DAY).total_seconds()))
    assert refresh(connection_id, NOON + HOUR) == 1
    reminder = series(connection_id)
    assert reminder is not None
    assert reminder.next_at is not None
    assert reminder.next_at <= NOON + HOUR + 5 * SECOND


def test_an_end_that_moves_a_little_does_not_begin_the_series_anew(world: World, stub: StubProvider):
    connection_id = make_connection(world.ana, provider_id="stub", consent_ends_in=5 * DAY)
    replan(connection_id, now=NOON)
    set_last_step(connection_id, 6)
    left = 5 * DAY + 2 * HOUR
    answer(stub, expires_in=7200, refresh_token="r", refresh_token_expires_in=int(left.total_seconds()))
    refresh(connection_id, NOON + HOUR)
    assert is_about(connection_of(connection_id).consent_expires_at, NOON + HOUR + left)
    reminder = series(connection_id)
    assert reminder is not None
    assert (reminder.last_step, reminder.next_step) == (6, 4)


@transaction
def set_last_step(connection_id: UUID, step: int) -> None:
    db.session.get_one(Reminder, connection_id).last_step = step


FIXED = {
    CLOCKS: f'{CLOCKS}refresh_absolute_s = 31536000\nrefresh_absolute_from = "first_grant"\n',
    'name = "Stub"': 'name = "Stub"\nas_of = "2026-11-20"',
}


@FILE("changes", [FIXED], ids=["counted from the first grant"])
def test_the_last_token_before_a_fixed_end_is_not_refreshed_again_and_again(world: World, stub: StubProvider):
    ends_at = NOON + 5 * DAY
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR, consent_ends_in=5 * DAY)
    set_grant(connection_id, refresh_expires_at=ends_at)
    asked: list[object] = []

    def cut_short(token: str) -> object:
        asked.append(token)
        left = int((ends_at - asked_at).total_seconds())
        return in_json(200, access_token="cut", expires_in=left, refresh_token_expires_in=left)

    stub.answering, asked_at = cut_short, NOON + HOUR
    refresh(connection_id, asked_at)
    assert is_about(grant_of(connection_id).refresh_due_at, ends_at)
    fresh = tokens.fresh_access_token(world.ana.asker, connection_id, now=ends_at - 30 * SECOND)
    assert fresh.access_token.reveal() == "cut"
    assert len(asked) == 1
    assert connection_of(connection_id).consent_expires_at == ends_at


def test_a_refresh_that_gains_no_time_is_not_repeated_before_the_tokens_end(world: World, stub: StubProvider):
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=HOUR)
    answer(stub, expires_in=900)
    assert refresh(connection_id, NOON + 45 * MINUTE) == 1
    assert is_about(grant_of(connection_id).refresh_due_at, NOON + HOUR)


IDLE = {
    CLOCKS: f"{CLOCKS}refresh_idle_s = 864000\n",
    HUMAN: 'human_at = "none"',
    'name = "Stub"': 'name = "Stub"\nas_of = "2026-11-20"',
}


@FILE("changes", [IDLE], ids=["idle after ten days"])
@pytest.mark.parametrize("lives", [None, int((60 * DAY).total_seconds())], ids=["no end", "sixty days"])
def test_an_unused_refresh_token_is_used_before_the_provider_drops_it(
    world: World, stub: StubProvider, lives: int | None
):
    connection_id = make_connection(world.ana, provider_id="stub")
    answer(stub, **({} if lives is None else {"expires_in": lives}))
    assert refresh(connection_id, NOON + HOUR) == 1
    due_at = grant_of(connection_id).refresh_due_at
    assert due_at is not None
    assert NOON + HOUR + 7.5 * DAY <= due_at <= NOON + HOUR + 8 * DAY + MINUTE


@pytest.mark.parametrize("lives_s", [60, 120, 300, 599, 600])
def test_tokens_of_short_lives_are_refreshed_once_in_each(world: World, stub: StubProvider, lives_s: int):
    stub.access_lives_s = lives_s
    connection_id = make_connection(world.ana, provider_id="stub", access_ends_in=timedelta(seconds=lives_s))
    now, refreshes = NOON, 0
    for _ in range(40):
        now += timedelta(seconds=lives_s) / 8
        for batch in tokens.claim_due_batches(now=now):
            refreshes += tokens.refresh_batch(batch, now=now)
        tokens.fresh_access_token(world.ana.asker, connection_id, now=now)
    assert refreshes == len(stub.refreshes)
    assert len(stub.refreshes) <= 40 / 8 * 2  # at half of the life, and no more often


EXTRA = {
    "[token]\n": '[token]\nmap = { extra = ["/instance_url", "/team/id"] }\n',
    'name = "Stub"\n': 'name = "Stub"\n\n[vars]\nteam_id = { scope = "connection", pattern = "[A-Z0-9]+" }\n',
    'rotation = "rotating"': 'rotation = "rotating"\nparams = { team = "{team_id}" }',
}


@FILE("changes", [EXTRA], ids=["token.map.extra"])
def test_what_the_file_wants_kept_of_an_answer_fills_in_the_next_request(
    world: World, stub: StubProvider, forms: list[Mapping[str, str]]
):
    connection_id = make_connection(world.ana, provider_id="stub")
    answer(stub, expires_in=3600, instance_url="https://eu1.example", team={"id": "T024"}, other="x")
    assert refresh(connection_id, NOON + HOUR) == 1
    assert grant_of(connection_id).extra == {"/instance_url": "https://eu1.example", "/team/id": "T024"}
    answer(stub, expires_in=3600, team={"id": "not a team"})
    refresh(connection_id, NOON + 2 * HOUR)
    refresh(connection_id, NOON + 3 * HOUR)
    assert [form.get("team") for form in forms] == ["", "T024", ""]
    assert grant_of(connection_id).extra == {"/instance_url": "https://eu1.example", "/team/id": "not a team"}


@pytest.fixture
def forms(stub: StubProvider) -> list[Mapping[str, str]]:
    """The parameters of every request to the stub's token endpoint."""
    seen: list[Mapping[str, str]] = []
    original: Callable[..., object] = stub.token
    stub.server.clear()
    stub.server.expect_request("/token").respond_with_handler(
        lambda request: (seen.append(request.form.to_dict()), original(request))[1]
    )
    return seen
