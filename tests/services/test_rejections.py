from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from werkzeug import Request, Response

from portal.db import db, reading
from portal.models import Connection, Event
from portal.rules.problems import InvalidRequest, NotFound, ProviderUnavailable, ReconsentRequired
from portal.rules.rejections import Step
from portal.rules.status import ConnectionState
from portal.rules.verdicts import Fault, FaultAction, Verdict
from portal.services import api_keys, rejection_notes, rejections, token_store, tokens
from portal.services.asker import Asker
from portal.services.rejections import Outcome, Seen
from tests.factories import NOON, World, make_connection
from tests.fixtures.stub_provider import StubProvider

pytestmark = pytest.mark.both_databases

SECOND = timedelta(seconds=1)
SCOPE = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
EXPIRED = Verdict(Fault.EXPIRED, FaultAction.REFRESH, "HTTP 401")


@pytest.fixture(autouse=True)
def portal(stub: StubProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


@pytest.fixture
def stub(stub: StubProvider, environ: Mapping[str, str], tmp_path) -> StubProvider:
    """The stub's own word for a token that was revoked, as some providers have one."""
    path = tmp_path / "providers" / "stub.toml"
    api = '[api]\nlimit_reset = ["header:x-wait"]\n'
    rule = '[[errors]]\nwhen = [{ at = "word", op = "eq", value = "token_revoked" }]\nresult = "revoked"\n'
    path.write_text(f"{path.read_text()}\n{api}{rule}")
    return stub


@pytest.fixture
def whoami(stub: StubProvider) -> list[str]:
    """Which tokens the stub was asked about; it knows all but those whose name ends in `dead`."""
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(request.headers["Authorization"].removeprefix("Bearer "))
        if asked[-1].endswith("dead"):
            return Response('{"error": "invalid_token"}', 401, mimetype="application/json")
        return Response('{"id": "1", "name": "Ana"}', mimetype="application/json")

    stub.server.expect_request("/me").respond_with_handler(answer)
    return asked


@pytest.fixture
def backend(portal: Flask, world: World) -> Asker:
    return backend_of(world.chloe)


def backend_of(admin) -> Asker:
    _, key = api_keys.create(admin.asker, "Archive", now=NOON)
    found = api_keys.authenticate(key.reveal(), now=NOON)
    assert found is not None
    return found


@pytest.fixture
def ana_stub(portal: Flask, world: World) -> UUID:
    return make_connection(world.ana, provider_id="stub")


@pytest.fixture
def ana_bare(portal: Flask, world: World) -> Callable[[str], UUID]:
    """A connection whose provider gave no refresh token."""

    def made(access_token: str) -> UUID:
        return make_connection(world.ana, provider_id="stub", refresh_token=None, access_token=access_token)

    return made


def seen(generation: int = 1, status: int = 401, word: str = "", headers: Mapping[str, str] | None = None) -> Seen:
    return Seen(generation, status, headers or {}, {"error": word} if word else "")


def report(asker: Asker, connection_id: UUID, what: Seen, now: datetime = NOON) -> Outcome:
    return rejections.report(asker, connection_id, what, now=now)


@reading
def events(connection_id: UUID) -> list[Event]:
    return list(db.session.scalars(db.select(Event).filter_by(connection_id=connection_id).order_by(Event.id)))


def rejected(connection_id: UUID) -> list[int]:
    return [one.facts["generation"] for one in events(connection_id) if one.kind == "grant:rejected"]


@reading
def state_of(connection_id: UUID) -> ConnectionState:
    return db.session.get_one(Connection, connection_id).state


def test_a_token_that_died_early_is_refreshed_and_handed_out_in_the_same_answer(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    outcome = report(backend, ana_stub, seen())
    assert (outcome.fault, outcome.action) == ("expired", "refresh")
    assert outcome.token is not None
    assert (outcome.token.access_token.reveal(), outcome.token.generation) == ("access-2", 2)
    assert stub.refreshes == ["refresh-1"]


def test_the_admins_see_a_generations_first_report_and_who_made_it(backend: Asker, ana_stub: UUID):
    for _ in range(3):
        report(backend, ana_stub, seen())
    (told,) = (one for one in events(ana_stub) if one.kind == "grant:rejected")
    assert told.actor == backend.actor
    assert told.facts == {"generation": 1, "fault": "expired", "reason": "HTTP 401"}


def test_a_report_about_an_older_generation_brings_the_current_token(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    report(backend, ana_stub, seen())
    late = report(backend, ana_stub, seen(), NOON + 10 * SECOND)
    assert late.token is not None
    assert (late.fault, late.action, late.token.generation) == ("expired", "refresh", 2)
    assert stub.refreshes == ["refresh-1"]


def test_a_generation_that_was_never_given_out_is_refused(backend: Asker, ana_stub: UUID, stub: StubProvider):
    with pytest.raises(InvalidRequest) as raised:
        report(backend, ana_stub, seen(generation=2))
    assert list(raised.value.errors) == ["generation"]
    assert stub.refreshes == []


@pytest.mark.parametrize(
    ("what", "fault", "action"),
    [
        (seen(status=200), "ok", "none"),
        (seen(status=404), "not-auth", "none"),
        (seen(status=502), "transient", "retry"),
        (seen(status=429), "rate-limited", "backoff"),
        (seen(status=403, headers={"X-RateLimit-Remaining": "0"}), "rate-limited", "backoff"),
        (seen(status=401, headers=SCOPE), "scope-missing", "add_scope"),
    ],
)
def test_what_no_refresh_cures_is_only_told(
    backend: Asker, ana_stub: UUID, stub: StubProvider, what: Seen, fault: str, action: str
):
    outcome = report(backend, ana_stub, what)
    assert (outcome.fault, outcome.action, outcome.token) == (fault, action, None)
    assert stub.refreshes == []
    assert state_of(ana_stub) is ConnectionState.ACTIVE


def test_how_long_an_api_wants_to_be_left_alone_is_told(backend: Asker, ana_stub: UUID):
    outcome = report(backend, ana_stub, seen(status=429, headers={"Retry-After": "90"}))
    assert outcome.retry_after == timedelta(seconds=90)
    outcome = report(backend, ana_stub, seen(status=429, headers={"X-Wait": "70"}))
    assert outcome.retry_after == timedelta(seconds=70)  # where the provider's file says that it stands


def test_a_missing_scope_stands_in_the_history_once(backend: Asker, ana_stub: UUID):
    for _ in range(3):
        report(backend, ana_stub, seen(headers=SCOPE))
    assert rejected(ana_stub) == [1]


def test_a_generation_stands_in_the_history_once_whatever_is_reported_of_it(backend: Asker, ana_stub: UUID):
    report(backend, ana_stub, seen(headers=SCOPE))
    report(backend, ana_stub, seen())
    assert rejected(ana_stub) == [1]


def test_a_generation_stands_in_the_history_once_however_often_the_provider_is_asked(
    backend: Asker, ana_bare: Callable[[str], UUID], whoami: list[str]
):
    alive = ana_bare("alive")
    for minutes in (0, 5):
        report(backend, alive, seen(), NOON + minutes * 60 * SECOND)
    assert whoami == ["alive", "alive"]
    assert rejected(alive) == [1]


def test_only_the_first_of_two_who_looked_at_the_same_moment_decides(backend: Asker, ana_stub: UUID):
    for step in (Step.REFRESH, Step.PROBE):
        first, second = (rejection_notes.look(backend, ana_stub) for _ in range(2))
        assert rejection_notes.write(backend, first, EXPIRED, step, now=NOON)
        assert not rejection_notes.write(backend, second, EXPIRED, step, now=NOON)


def test_a_fresh_token_that_is_refused_again_is_not_refreshed_in_a_loop(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    report(backend, ana_stub, seen())
    again = report(backend, ana_stub, seen(generation=2), NOON + 5 * SECOND)
    assert (again.fault, again.action, again.token) == ("expired", "backoff", None)
    assert again.retry_after is not None
    assert 20 * SECOND < again.retry_after <= 60 * SECOND
    assert stub.refreshes == ["refresh-1"]


def test_a_token_refused_after_its_own_end_is_renewed_however_young_it_is(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    stub.access_lives_s = 20
    report(backend, ana_stub, seen())
    over = report(backend, ana_stub, seen(generation=2), NOON + 21 * SECOND)
    assert over.token is not None
    assert over.token.generation == 3


def test_a_backend_that_refuses_whatever_it_gets_costs_ever_fewer_refreshes(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    generation, now = 1, NOON
    while now < NOON + timedelta(hours=3):
        outcome = report(backend, ana_stub, seen(generation), now)
        generation = outcome.token.generation if outcome.token else generation
        now += 90 * SECOND
    assert len(stub.refreshes) <= 12
    assert state_of(ana_stub) is ConnectionState.ACTIVE


def test_a_refused_refresh_calls_for_the_member(backend: Asker, ana_stub: UUID, stub: StubProvider):
    stub.current = "revoked by its owner"
    with pytest.raises(ReconsentRequired):
        report(backend, ana_stub, seen())
    assert state_of(ana_stub) is ConnectionState.NEEDS_RECONSENT
    with pytest.raises(ReconsentRequired):
        report(backend, ana_stub, seen())


def test_a_token_that_was_reported_is_given_to_nobody_once_its_refresh_is_refused(
    backend: Asker, ana_stub: UUID, stub: StubProvider
):
    stub.current = "revoked by its owner"
    with pytest.raises(ReconsentRequired):
        report(backend, ana_stub, seen())
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(backend, ana_stub, now=NOON)


def test_a_made_up_revocation_only_costs_a_refresh(
    backend: Asker, ana_stub: UUID, stub: StubProvider, whoami: list[str]
):
    first = report(backend, ana_stub, seen(word="token_revoked"))
    assert first.token is not None
    assert (first.fault, first.action) == ("revoked", "refresh")
    second = report(backend, ana_stub, seen(2, word="token_revoked"), NOON + SECOND)
    third = report(backend, ana_stub, seen(2, word="token_revoked"), NOON + 2 * SECOND)
    assert (second.action, third.action) == ("backoff", "backoff")
    assert whoami == ["access-2"]
    assert stub.refreshes == ["refresh-1"]
    assert state_of(ana_stub) is ConnectionState.ACTIVE


def test_a_fresh_token_that_the_provider_itself_calls_dead_calls_for_the_member(
    backend: Asker, ana_stub: UUID, stub: StubProvider, whoami: list[str]
):
    stub.answering = lambda _token: Response(
        '{"access_token": "fresh-but-dead", "refresh_token": "r", "expires_in": 3600}', mimetype="application/json"
    )
    report(backend, ana_stub, seen(word="token_revoked"))
    with pytest.raises(ReconsentRequired):
        report(backend, ana_stub, seen(2, word="token_revoked"), NOON + SECOND)
    assert state_of(ana_stub) is ConnectionState.NEEDS_RECONSENT
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(backend, ana_stub, now=NOON + 2 * SECOND)


def test_where_nothing_can_be_refreshed_the_provider_is_asked_before_anybody_is_bothered(
    backend: Asker, ana_bare, stub: StubProvider, whoami: list[str]
):
    alive = ana_bare("alive")
    for word in ("", "token_revoked", "token_revoked"):
        assert report(backend, alive, seen(word=word)).action == "backoff"
    assert whoami == ["alive"]
    assert state_of(alive) is ConnectionState.ACTIVE
    assert rejected(alive) == [1]


def test_where_nothing_can_be_refreshed_and_the_provider_says_no_the_member_is_called(
    backend: Asker, ana_bare, whoami: list[str]
):
    dead = ana_bare("dead")
    with pytest.raises(ReconsentRequired):
        report(backend, dead, seen())
    assert state_of(dead) is ConnectionState.NEEDS_RECONSENT


def test_a_provider_that_cannot_be_asked_condemns_nothing(backend: Asker, ana_bare, stub: StubProvider):
    stub.server.expect_request("/me").respond_with_data("down", status=503)
    unknown = ana_bare("dead")
    assert report(backend, unknown, seen(word="token_revoked")).action == "backoff"
    assert state_of(unknown) is ConnectionState.ACTIVE


def test_an_access_token_past_its_announced_end_surprises_nobody(
    backend: Asker, world: World, portal: Flask, whoami: list[str]
):
    bare = make_connection(world.ana, provider_id="stub", refresh_token=None, access_ends_in=timedelta(hours=1))
    with pytest.raises(ReconsentRequired) as raised:
        report(backend, bare, seen(), NOON + timedelta(hours=2))
    assert raised.value.since == NOON + timedelta(hours=1)
    assert whoami == []
    assert state_of(bare) is ConnectionState.ACTIVE


def test_while_the_provider_is_down_reports_do_not_hammer_it(backend: Asker, ana_stub: UUID, stub: StubProvider):
    asked: list[str] = []

    def down(token: str) -> Response:
        asked.append(token)
        return Response("down", 503)

    stub.answering = down
    for seconds in range(5):
        with pytest.raises(ProviderUnavailable) as raised:
            report(backend, ana_stub, seen(), NOON + seconds * SECOND)
        assert raised.value.retry_after > 10 * SECOND
    assert len(asked) == 1
    assert state_of(ana_stub) is ConnectionState.ACTIVE


@pytest.mark.parametrize("state", [ConnectionState.INVITED, ConnectionState.DISPLACED, ConnectionState.DISCONNECTED])
def test_a_connection_that_holds_no_login_answers_as_for_a_token(
    backend: Asker, world: World, portal: Flask, state: ConnectionState
):
    gone = make_connection(world.ana, provider_id="stub", state=state)
    with pytest.raises(ReconsentRequired):
        report(backend, gone, seen())


def test_nobody_reports_about_another_organizations_connection(world: World, ana_stub: UUID, stub: StubProvider):
    eve = backend_of(world.eve)
    for connection_id in (ana_stub, uuid4()):
        with pytest.raises(NotFound):
            report(eve, connection_id, seen())
    assert stub.refreshes == []
    assert rejected(ana_stub) == []


def test_a_key_for_other_providers_reports_nothing(world: World, ana_stub: UUID, stub: StubProvider):
    _, key = api_keys.create(world.chloe.asker, "Films", providers=["demo-video"], now=NOON)
    films = api_keys.authenticate(key.reveal(), now=NOON)
    assert films is not None
    with pytest.raises(NotFound):
        report(films, ana_stub, seen())
    assert stub.refreshes == []


def test_any_number_of_reports_at_once_cost_one_refresh_and_one_line_in_the_log(
    portal: Flask, make_app, environ: dict[str, str], backend: Asker, ana_stub: UUID, stub: StubProvider
):
    stub.delay_s = 0.2
    processes = [portal, make_app(environ)]

    def ask(number: int) -> str:
        with processes[number % 2].app_context():
            outcome = report(backend, ana_stub, seen())
            assert outcome.token is not None
            return outcome.token.access_token.reveal()

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(ask, range(40))) == {"access-2"}
    assert stub.refreshes == ["refresh-1"]
    assert stub.reused == []
    assert rejected(ana_stub) == [1]


def test_a_report_that_comes_between_look_and_note_is_decided_anew(
    portal: Flask, backend: Asker, ana_stub: UUID, stub: StubProvider
):
    """Somebody else's refresh may end between any two of our steps: what is handed out is theirs."""
    stub.delay_s = 0.05

    def ask(_number: int) -> int:
        with portal.app_context():
            outcome = report(backend, ana_stub, seen())
            assert outcome.token is not None
            return outcome.token.generation

    with ThreadPoolExecutor(8) as pool:
        first = [pool.submit(ask, n) for n in range(8)]
        second = [pool.submit(ask, n) for n in range(8)]
        assert {one.result() for one in first + second} == {2}
    grant = token_store.read(ana_stub)
    assert grant is not None
    assert grant.generation == 2
