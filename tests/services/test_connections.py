"""A member's own connections: the list, one of them, its name, its end."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask

from portal.rules.problems import InvalidRequest, NotFound, ReconsentRequired
from portal.rules.revocations import Unrevoked
from portal.rules.status import ConnectionState, Status
from portal.services import connections, tokens
from tests.consents import connected, event_kinds, new_grant, outstanding, signed_in, stored
from tests.factories import NOON, World, make_connection
from tests.http_server import ScriptedServer

pytestmark = pytest.mark.both_databases
LATER = NOON + timedelta(days=1)
WEEK, SECOND = timedelta(days=7), timedelta(seconds=1)


def test_the_list_shows_what_ends_soonest_first(context: Flask, world: World) -> None:
    for name, days in (("late", 40), ("soon", 2), ("ended", -1)):
        make_connection(world.ana, nickname=name, consent_ends_in=timedelta(days=days))
    make_connection(world.ana, nickname="never", consent_ends_in=None)
    listed = connections.mine(world.ana.asker, now=NOON)
    assert [one.nickname for one in listed] == ["ended", "soon", "late", "never"]
    assert [one.status for one in listed] == [Status.ENDED, Status.ENDING, Status.ACTIVE, Status.ACTIVE]


def test_the_list_holds_only_ones_own(context: Flask, world: World) -> None:
    make_connection(world.ana)
    for other in (world.ben, world.chloe, world.dmitri, world.eve):
        assert connections.mine(other.asker, now=NOON) == ()


def test_somebody_elses_connection_is_not_there(context: Flask, world: World) -> None:
    anas = make_connection(world.ana)
    for other in (world.ben, world.chloe, world.dmitri, world.eve):
        for look in (connections.show, connections.one):
            with pytest.raises(NotFound):
                look(other.asker, anas, now=NOON)
        with pytest.raises(NotFound):
            connections.rename(other.asker, anas, "Mine now", now=NOON)
        with pytest.raises(NotFound):
            connections.disconnect(signed_in(other), anas, now=NOON)
        with pytest.raises(NotFound):
            connections.calendar_file(other.asker, anas, zone="UTC", now=NOON)
    assert stored(anas).connection.state is ConnectionState.ACTIVE


def test_a_connection_is_shown_with_its_login_accounts_and_scopes(context: Flask, world: World) -> None:
    details = connections.show(world.ana.asker, connected(signed_in(world.ana), new_grant("business")), now=NOON)
    assert details.connection.login == "business (business@example.com)"
    assert [account.name for account in details.accounts] == ["Company page"]
    assert "offline_access" in details.scopes
    assert details.consent_end_source == "response"


def test_a_new_nickname_is_kept_and_told(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana)
    connections.rename(world.ana.asker, connection_id, "  Press page ", now=NOON)
    assert connections.one(world.ana.asker, connection_id, now=NOON).nickname == "Press page"
    assert event_kinds(connection_id) == ["connection:renamed"]


def test_the_same_nickname_again_is_no_event(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, nickname="Press")
    connections.rename(world.ana.asker, connection_id, "Press", now=NOON)
    assert event_kinds(connection_id) == []


@pytest.mark.parametrize("nickname", ["", "   ", "x" * 61, "two\nlines", "turned\u202earound"])
def test_a_wrong_nickname_changes_nothing(context: Flask, world: World, nickname: str) -> None:
    connection_id = make_connection(world.ana, nickname="Press")
    with pytest.raises(InvalidRequest):
        connections.rename(world.ana.asker, connection_id, nickname, now=NOON)
    assert connections.one(world.ana.asker, connection_id, now=NOON).nickname == "Press"


def test_a_disconnected_connection_gives_no_token_and_is_reminded_of_no_more(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    connections.disconnect(ana, connection_id, now=LATER)
    found = stored(connection_id)
    assert found.connection.state is ConnectionState.DISCONNECTED
    assert found.connection.consent_expires_at is None
    assert found.access_token is None
    assert found.refresh_token is None
    assert found.reminder is None
    with pytest.raises(ReconsentRequired):
        tokens.fresh_access_token(ana, connection_id, now=LATER)


def test_what_the_provider_has_not_confirmed_is_said_to_be_outstanding(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    outcome = connections.disconnect(ana, connection_id, now=LATER)
    assert outcome.unrevoked is Unrevoked.OUTSTANDING  # nothing listens at this provider's address
    assert connections.show(ana, connection_id, now=LATER).unrevoked is Unrevoked.OUTSTANDING


def test_after_a_week_the_tokens_are_forgotten_and_the_page_still_tells_the_truth(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    connections.disconnect(ana, connection_id, now=NOON)
    assert outstanding() == 1
    assert connections.show(ana, connection_id, now=NOON + WEEK - SECOND).unrevoked is Unrevoked.OUTSTANDING
    connections.finish_revocations(now=NOON + WEEK)
    assert outstanding() == 0
    assert connections.show(ana, connection_id, now=NOON + WEEK).unrevoked is Unrevoked.UNCONFIRMED


def test_where_the_providers_file_knows_no_way_to_end_an_access_that_is_said(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, provider_id="linkedin")
    assert not connections.one(world.ana.asker, connection_id, now=NOON).can_revoke
    assert connections.disconnect(world.ana.asker, connection_id, now=LATER).unrevoked is Unrevoked.UNSUPPORTED
    assert connections.show(world.ana.asker, connection_id, now=LATER).unrevoked is Unrevoked.UNSUPPORTED
    assert stored(connection_id).access_token is None


def test_where_discovery_names_no_place_to_end_an_access_that_is_said_afterwards(
    silent_issuer: str, app: Flask, world: World
) -> None:
    with app.app_context():
        connection_id = make_connection(world.ana, provider_id="oidc")
        assert connections.one(world.ana.asker, connection_id, now=NOON).can_revoke, "nobody has asked it yet"
        assert connections.disconnect(world.ana.asker, connection_id, now=LATER).unrevoked is Unrevoked.UNSUPPORTED
        assert connections.show(world.ana.asker, connection_id, now=LATER).unrevoked is Unrevoked.UNSUPPORTED
        assert outstanding() == 0


@pytest.fixture
def silent_issuer(environ: dict[str, str]) -> Iterator[str]:
    """A generic OpenID provider whose discovery document names no revocation endpoint: ask for it before `app`."""
    with ScriptedServer() as server:
        issuer = server.url_for("").rstrip("/")
        document = {"issuer": issuer, "token_endpoint": f"{issuer}/token", "jwks_uri": f"{issuer}/keys"}
        server.expect_request("/.well-known/openid-configuration").respond_with_json(document)
        environ |= {
            "PORTAL_PROVIDER_OIDC_CLIENT_ID": "portal",
            "PORTAL_PROVIDER_OIDC_CLIENT_SECRET": "secret",
            "PORTAL_PROVIDER_OIDC_ISSUER": issuer,
            "PORTAL_ALLOWED_PRIVATE_HOSTS": f"{server.host}:{server.port}",
        }
        yield issuer


def test_of_what_was_never_connected_nothing_is_left_at_the_provider(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, provider_id="linkedin", state=ConnectionState.INVITED)
    assert connections.disconnect(world.ana.asker, connection_id, now=LATER).unrevoked is None
    assert connections.show(world.ana.asker, connection_id, now=LATER).unrevoked is None


def test_disconnecting_twice_changes_nothing_more(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("business"))
    connections.disconnect(ana, connection_id, now=NOON)
    connections.disconnect(ana, connection_id, now=LATER)
    assert stored(connection_id).connection.state_since == NOON
    assert event_kinds(connection_id).count("connection:disconnected") == 1


def test_a_login_taken_up_by_somebody_else_meanwhile_is_not_revoked_under_them(context: Flask, world: World) -> None:
    ana, ben = signed_in(world.ana), signed_in(world.ben)
    connection_id = connected(ana, new_grant("business"))
    connections.disconnect(ana, connection_id, now=NOON)
    connected(ben, new_grant("business"))
    connections.finish_revocations(now=LATER)
    assert outstanding() == 0
    assert connections.show(ana, connection_id, now=LATER).unrevoked is None
    assert "grant:revoked" not in event_kinds(connection_id)


def test_the_next_date_comes_as_a_calendar_file_on_the_organizations_day(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, nickname="Press", consent_ends_in=timedelta(days=30, hours=11))
    text = connections.calendar_file(world.ana.asker, connection_id, zone="Pacific/Auckland", now=NOON)
    assert "DTSTART;VALUE=DATE:20260410" in text
    assert f"UID:{connection_id}@portal.example" in text
    assert "Press" in text


def test_without_a_date_there_is_no_calendar_file(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=None)
    with pytest.raises(NotFound):
        connections.calendar_file(world.ana.asker, connection_id, zone="UTC", now=NOON)
