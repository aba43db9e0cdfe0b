"""Logins that are named within a workspace or portal only, and providers that are asked about a token."""

import pytest
from pytest_httpserver import HTTPServer

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed, TokenAnswer
from portal.crypto import Secret
from portal.rules.problems import IdentityUnverified
from portal.rules.verdicts import Fault
from tests.adapters.stand_in import NOW, TOKENS, StandIn, provider_of

WORKSPACE = """
[identity]
source = "token"
subject = "/user"
within = ["/team/id"]
userinfo = { url = "{base}/me", subject = "/user_id", within = ["/team_id"], label = "/name" }
"""
INTROSPECTION = '[introspect]\nurl = "{base}/introspect"\nlabel = "/user"\n'


@pytest.fixture
def stand_in(httpserver: HTTPServer) -> StandIn:
    return StandIn(httpserver)


def consented(stand_in: StandIn, changes: str, **more: object) -> TokenAnswer:
    stand_in.answers("/token", TOKENS | more)
    return oauth.refresh(provider_of(changes), stand_in.app, refresh_token=Secret("rt-0"), now=NOW)


def who(stand_in: StandIn, changes: str, answer: TokenAnswer) -> oauth.Identity:
    return oauth.identify(provider_of(changes), stand_in.app, answer, nonce=None, now=NOW)


def test_the_workspace_is_part_of_the_name(stand_in: StandIn) -> None:
    stand_in.answers("/me", {"user_id": "U1", "team_id": "T1", "name": "ana"})
    answer = consented(stand_in, WORKSPACE, user="U1", team={"id": "T1"})
    assert who(stand_in, WORKSPACE, answer) == oauth.Identity("T1/U1", "ana", None, {})


def test_the_same_number_in_another_workspace_is_another_login(stand_in: StandIn) -> None:
    stand_in.answers("/me", {"user_id": "U1", "team_id": "T2", "name": "eve"})
    answer = consented(stand_in, WORKSPACE, user="U1", team={"id": "T1"})
    with pytest.raises(IdentityUnverified):
        who(stand_in, WORKSPACE, answer)


@pytest.mark.parametrize("team", [{}, {"id": ""}, {"id": " "}, {"id": None}, {"id": True}])
def test_without_the_workspace_nobody_is_named(stand_in: StandIn, team: object) -> None:
    answer = consented(stand_in, WORKSPACE, user="U1", team=team)
    with pytest.raises(IdentityUnverified):
        who(stand_in, WORKSPACE, answer)


def test_an_introspection_may_name_the_login(stand_in: StandIn) -> None:
    stand_in.answers("/introspect", {"active": True, "user": "ana@example.com"})
    answer = consented(stand_in, INTROSPECTION, user_id=7)
    assert who(stand_in, INTROSPECTION, answer).label == "ana@example.com"
    assert stand_in.asked[-1].body == {"token": "at-1", "token_type_hint": "access_token"}


def test_a_failing_introspection_only_costs_the_name(stand_in: StandIn) -> None:
    stand_in.answers("/introspect", "<html>", 503)
    assert who(stand_in, INTROSPECTION, consented(stand_in, INTROSPECTION, user_id=7)).label == "7"


@pytest.mark.parametrize(("active", "is_alive"), [(True, True), (False, False)])
def test_an_introspection_tells_whether_a_token_lives(stand_in: StandIn, active: bool, is_alive: bool) -> None:
    stand_in.answers("/introspect", {"active": active})
    assert oauth.is_alive(provider_of(INTROSPECTION), stand_in.app, Secret("at-1"), now=NOW) is is_alive


def test_a_refused_introspection_says_nothing_about_the_token(stand_in: StandIn) -> None:
    stand_in.answers("/introspect", {"error": "invalid_client"}, 401)
    with pytest.raises(OAuthFailed) as failed:
        oauth.is_alive(provider_of(INTROSPECTION), stand_in.app, Secret("at-1"), now=NOW)
    assert failed.value.verdict.fault is Fault.APP_CONFIG
