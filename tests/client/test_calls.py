from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal import clock
from portal.client import Client, ConnectionUnknown, Refusal
from tests.client.conftest import Served
from tests.factories import World, make_connection

HARMLESS = ("https://portal.example.org", "https://portal.example.org/base/", "http://127.0.0.1:8000", "http://[::1]:8")


@pytest.mark.parametrize("base_url", [*HARMLESS, "http://localhost:8000"])
def test_a_portal_is_addressed_over_https_or_on_this_machine(base_url: str):
    Client(base_url, "key")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://portal.example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "ftp://portal.example.org",
        "portal.example.org",
        "https://user:word@portal.example.org",
        "https://portal.example.org/?a=b",
        "",
    ],
)
def test_an_address_on_which_the_key_is_not_safe_is_refused(base_url: str):
    with pytest.raises(ValueError, match="base_url"):
        Client(base_url, "key")


def test_what_is_no_connections_id_is_no_path(served: Served, key: str):
    with pytest.raises(ConnectionUnknown, match="no id of a connection"):
        Client(served.url, key).token("../../admin")
    assert served.asked == []


def test_a_key_out_of_a_file_loses_its_line_break(served: Served, key: str, ana_stub: UUID):
    assert Client(served.url, f"{key}\n").token(ana_stub, min_ttl=300).access_token == "access-1"


@pytest.mark.parametrize("wrong", ["", " \n", "rck_hidden\nX-More: 1", "rck_hidden-ü", "rck hidden"])
def test_what_cannot_be_a_key_is_refused_without_repeating_it(wrong: str):
    with pytest.raises(ValueError, match="api_key") as refused:
        Client("https://portal.example.org", wrong)
    assert "hidden" not in str(refused.value)


def test_the_address_of_the_api_is_taken_as_well(served: Served, key: str, ana_stub: UUID):
    assert Client(f"{served.url}/api/v1/", key).token(ana_stub).access_token == "access-1"


def test_a_token_says_what_it_is(served: Served, key: str, ana_stub: UUID):
    token = Client(served.url, key).token(ana_stub, min_ttl=timedelta(minutes=5))
    assert (token.access_token, token.generation, token.scopes) == ("access-1", 1, ("openid", "profile"))
    assert token.lives is not None
    assert timedelta(minutes=58) < token.lives <= timedelta(hours=1)


def test_the_list_goes_on_to_its_end(served: Served, key: str, world: World):
    with served.app.app_context():
        made = {str(make_connection(world.ben, now=clock.now())) for _ in range(60)}
    assert {one.id for one in Client(served.url, key).connections(provider="demo-social")} == made
    assert list(Client(served.url, key).connections(member="ana@acme.example")) == []


def test_a_long_refusal_is_reported_by_its_beginning(served: Served, key: str, ana_stub: UUID):
    verdict = Client(served.url, key).report(ana_stub, 1, Refusal(500, body="x" * 1_000_000))
    assert verdict.token is None
    assert verdict.fault


def test_a_client_does_not_show_its_key(key: str):
    assert key not in repr(Client("https://portal.example.org", key))


def test_a_connection_elsewhere_is_unknown(served: Served, key: str):
    with pytest.raises(ConnectionUnknown):
        Client(served.url, key).token(uuid4())
