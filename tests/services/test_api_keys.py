"""API keys from their making to their end: limits, ends, successors, and the one look at their text."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
from flask import Flask

from portal.crypto import Secret
from portal.db import db, transaction
from portal.models import Event, OneTimeView
from portal.rules.api_keys import Ending, KeyState
from portal.rules.problems import Forbidden, InvalidRequest, KeyReplaced, NotFound, ProviderOutsideKey, SignInRequired
from portal.rules.status import ConnectionState, Status
from portal.services import api_keys, housekeeping, invitations, listing, one_time_views, tokens
from portal.services.asker import Asker
from portal.services.listing import Filters
from tests.factories import NOON, World, make_connection

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("context")]

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def works(key: Secret, now: datetime) -> bool:
    return api_keys.authenticate(key.reveal(), now=now) is not None


def key_asker(key: Secret) -> Asker:
    asker = api_keys.authenticate(key.reveal(), now=NOON)
    assert asker is not None
    return asker


def fetch(key: Secret, connection_id: UUID, now: datetime = NOON) -> str:
    return tokens.fresh_token_for_key(key.reveal(), connection_id, min_ttl=None, now=now).access_token.reveal()


@transaction
def kinds() -> list[str]:
    return list(db.session.scalars(db.select(Event.kind).where(Event.kind.startswith("api_key:")).order_by(Event.id)))


@pytest.fixture
def social(world: World) -> UUID:
    return make_connection(world.ana, provider_id="demo-social", access_ends_in=None)


@pytest.fixture
def video(world: World) -> UUID:
    return make_connection(world.ana, provider_id="demo-video", access_ends_in=None)


def test_a_key_is_refused_from_the_moment_it_ends(world: World, social: UUID):
    _, key = api_keys.create(world.chloe.asker, "Archive", expires_at=NOON + DAY, now=NOON)
    assert works(key, NOON + DAY - SECOND)
    assert fetch(key, social, NOON + DAY - SECOND) == "access-1"
    assert not works(key, NOON + DAY)
    with pytest.raises(SignInRequired):
        fetch(key, social, NOON + DAY)


def test_a_limited_key_finds_nothing_of_other_providers(world: World, social: UUID, video: UUID):
    view, key = api_keys.create(world.chloe.asker, "Social", providers=["demo-social"], now=NOON)
    asker = key_asker(key)
    assert view.providers == ("demo-social",)
    assert fetch(key, social) == "access-1"
    for ask in (
        lambda: fetch(key, video),
        lambda: tokens.fresh_access_token(asker, video, now=NOON),
        lambda: listing.one(asker, video, now=NOON),
    ):
        with pytest.raises(NotFound):
            ask()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["social"]),
        (Filters(provider_id="demo-social"), ["social"]),
        (Filters(provider_id="demo-video"), []),
        (Filters(member_email="ana@acme.example"), ["social"]),
        (Filters(search="a"), ["social"]),
        (Filters(status=Status.ACTIVE), ["social"]),
    ],
)
def test_a_limited_key_lists_its_own_providers_alone(
    world: World, social: UUID, video: UUID, filters: Filters, found: list[str]
):
    _, key = api_keys.create(world.chloe.asker, "Social", providers=["demo-social", "linkedin"], now=NOON)
    page = listing.ending_first(key_asker(key), filters, now=NOON)
    assert [row.id for row in page.rows] == [{"social": social}[name] for name in found]


def test_a_limited_key_asks_nobody_to_connect_elsewhere(world: World):
    _, key = api_keys.create(world.chloe.asker, "Social", providers=["demo-social"], now=NOON)
    asked = {"member_email": "ana@acme.example", "now": NOON}
    invitations.invite_connection(key_asker(key), provider_id="demo-social", **asked)
    for elsewhere in ("demo-video", "no-such"):
        with pytest.raises(ProviderOutsideKey):
            invitations.invite_connection(key_asker(key), provider_id=elsewhere, **asked)


def test_an_invited_connection_outside_the_limit_is_not_there_either(world: World):
    invited = make_connection(world.ana, provider_id="demo-video", state=ConnectionState.INVITED)
    _, key = api_keys.create(world.chloe.asker, "Social", providers=["demo-social"], now=NOON)
    with pytest.raises(NotFound):
        fetch(key, invited)


def test_a_limit_to_a_provider_nobody_knows_is_refused(world: World):
    with pytest.raises(InvalidRequest, match="nowhere"):
        api_keys.create(world.chloe.asker, "Social", providers=["demo-social", "nowhere"], now=NOON)
    assert api_keys.all_of(world.chloe.asker) == ()


def test_a_chosen_day_is_one_of_the_organizations_own(world: World):
    view, _ = api_keys.create_to_end(world.chloe.asker, "Archive", Ending(on=date(2026, 3, 11)), now=NOON)
    assert view.expires_at == NOON + timedelta(hours=36)
    with pytest.raises(InvalidRequest):
        api_keys.create_to_end(world.chloe.asker, "Archive", Ending(on=date(2026, 3, 9)), now=NOON)


def test_two_keys_work_while_one_replaces_the_other(world: World, chloes_session: Asker):
    old, first = api_keys.create(world.chloe.asker, "Archive", providers=["demo-social"], now=NOON)
    new = api_keys.replace(chloes_session, old.id, Ending(90), overlap_days=7, now=NOON)
    second = one_time_views.take(chloes_session, new.id, now=NOON)
    assert second is not None
    assert (new.name, new.providers, new.expires_at) == ("Archive", ("demo-social",), NOON + 90 * DAY)
    in_time, too_late = NOON + 7 * DAY - SECOND, NOON + 7 * DAY
    assert (works(first, in_time), works(second, in_time)) == (True, True)
    assert (works(first, too_late), works(second, too_late)) == (False, True)
    assert kinds() == ["api_key:created", "api_key:created", "api_key:replaced"]


def test_a_key_replaced_at_once_works_no_more(world: World, chloes_session: Asker, social: UUID):
    old, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    api_keys.replace(chloes_session, old.id, Ending(), overlap_days=0, now=NOON)
    assert not works(key, NOON)
    assert api_keys.show(world.chloe.asker, old.id).state_at(NOON) is KeyState.ENDED
    with pytest.raises(SignInRequired):
        fetch(key, social)


def test_a_key_has_one_successor_however_many_ask_at_once(app: Flask, world: World, chloes_session: Asker):
    old, _ = api_keys.create(world.chloe.asker, "Archive", now=NOON)

    def replace(_number: int) -> str:
        with app.app_context():
            try:
                api_keys.replace(chloes_session, old.id, Ending(), overlap_days=1, now=NOON)
            except KeyReplaced:
                return "refused"
            return "replaced"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(replace, range(6))) == ["refused"] * 5 + ["replaced"]
    assert len(api_keys.all_of(world.chloe.asker)) == 2


def test_what_is_revoked_or_somebody_elses_is_not_replaced(world: World, chloes_session: Asker):
    gone, _ = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    api_keys.revoke(world.chloe.asker, gone.id, now=NOON)
    with pytest.raises(KeyReplaced):
        api_keys.replace(chloes_session, gone.id, Ending(), overlap_days=1, now=NOON)
    foreign, _ = api_keys.create(world.eve.asker, "Foreign", now=NOON)
    with pytest.raises(NotFound):
        api_keys.replace(chloes_session, foreign.id, Ending(), overlap_days=1, now=NOON)


def test_a_replaced_key_can_be_revoked_before_its_time(world: World, chloes_session: Asker):
    old, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    api_keys.replace(chloes_session, old.id, Ending(), overlap_days=7, now=NOON)
    api_keys.revoke(world.chloe.asker, old.id, now=NOON + DAY)
    assert not works(key, NOON + DAY)


def test_a_revocation_counts_at_once_in_every_process(make_app, environ: dict[str, str], world: World, social: UUID):
    view, key = api_keys.create(world.chloe.asker, "Archive", now=NOON)
    other = make_app(environ)
    with other.app_context():
        assert fetch(key, social) == "access-1"
    api_keys.revoke(world.chloe.asker, view.id, now=NOON)
    with other.app_context(), pytest.raises(SignInRequired):
        fetch(key, social)


def test_the_text_is_shown_once_to_the_session_that_made_it(world: World, chloes_session: Asker):
    view = api_keys.create_to_show(chloes_session, "Archive", Ending(), now=NOON)
    stranger = Asker.member(world.acme, world.chloe.id, world.chloe.role, view.id)
    assert one_time_views.take(stranger, view.id, now=NOON) is None
    text = one_time_views.take(chloes_session, view.id, now=NOON)
    assert text is not None
    assert works(text, NOON)
    assert one_time_views.take(chloes_session, view.id, now=NOON) is None


def test_many_looks_at_once_show_it_once(app: Flask, chloes_session: Asker):
    view = api_keys.create_to_show(chloes_session, "Archive", Ending(), now=NOON)

    def look(_number: int) -> bool:
        with app.app_context():
            return one_time_views.take(chloes_session, view.id, now=NOON) is not None

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(look, range(6))) == 1


def test_a_text_that_nobody_came_to_see_is_forgotten(chloes_session: Asker):
    view = api_keys.create_to_show(chloes_session, "Archive", Ending(), now=NOON)
    later = NOON + one_time_views.WAITS
    assert one_time_views.take(chloes_session, view.id, now=later) is None
    housekeeping.forget_old(now=later + SECOND)
    assert waiting() == 0


def test_it_waits_sealed(chloes_session: Asker):
    view = api_keys.create_to_show(chloes_session, "Archive", Ending(), now=NOON)
    assert view.beginning.encode() not in sealed()


def test_nobody_without_a_browser_session_is_shown_anything(world: World):
    with pytest.raises(Forbidden):
        api_keys.create_to_show(Asker.command(world.acme), "Archive", Ending(), now=NOON)
    assert api_keys.all_of(world.chloe.asker) == ()


@transaction
def waiting() -> int:
    return db.session.scalar(db.select(db.func.count()).select_from(OneTimeView)) or 0


@transaction
def sealed() -> bytes:
    return db.session.scalars(db.select(OneTimeView)).one().secret.raw
