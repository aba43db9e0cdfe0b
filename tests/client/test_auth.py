"""A backend's requests against the real portal: tokens kept, refused, renewed once, and never led astray."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import requests
from werkzeug import Response

from portal import clock
from portal.client import (
    ConnectionUnknown,
    PortalUnavailable,
    ProviderUnavailable,
    ReconsentAuth,
    ReconsentRequired,
    RequestRefused,
    Unauthorized,
)
from portal.services import api_keys
from tests.client.conftest import TIMEOUT_S, Api, Send, Served, an_api
from tests.factories import World, make_connection
from tests.fixtures.stub_provider import StubProvider

GOOD = (200, "welcome")


def test_a_token_is_fetched_once_and_kept(send: Send, auth: ReconsentAuth, api: Api, served: Served):
    assert [send(auth, api.url) for _ in range(3)] == [GOOD] * 3
    assert api.seen == ["access-1"] * 3
    assert served.asked == ["token"]


def test_a_refused_token_is_reported_and_the_request_sent_once_more_with_the_new_one(
    send: Send, auth: ReconsentAuth, api: Api, served: Served, stub: StubProvider
):
    api.accepted = {"access-2"}
    assert send(auth, api.url, "POST", b"a photo") == GOOD
    assert api.seen == ["access-1", "access-2"]
    assert api.bodies == [b"a photo"] * 2
    assert served.asked == ["token", "rejections"]
    assert stub.refreshes == ["refresh-1"]
    assert send(auth, api.url) == GOOD
    assert served.asked == ["token", "rejections"], "the new token is kept"


def test_what_is_refused_again_is_handed_to_the_caller(send: Send, auth: ReconsentAuth, api: Api, stub: StubProvider):
    api.accepted = set()
    assert send(auth, api.url) == (401, "expired")
    assert api.seen == ["access-1", "access-2"]


def test_a_refusal_that_is_not_about_the_token_is_not_reported(
    send: Send, auth: ReconsentAuth, api: Api, served: Served
):
    api.accepted, api.refusal = set(), Response("not yours", 403)
    assert send(auth, api.url) == (403, "not yours")
    assert served.asked == ["token"]


def test_an_api_that_says_it_otherwise_can_be_understood(
    send: Send, served: Served, key: str, ana_stub: UUID, api: Api
):
    api.accepted, api.refusal = {"access-2"}, Response('{"error": "invalid_token"}', 400, mimetype="application/json")
    auth = ReconsentAuth(served.url, key, ana_stub, reported={400, 401})
    send(auth, api.url)
    assert served.asked == ["token", "rejections"]


def parts() -> Iterator[bytes]:
    yield from (b"once ", b"only")


@pytest.mark.parametrize("body", [parts], ids=["generator"])
def test_a_body_that_cannot_be_sent_again_is_not(
    auth: ReconsentAuth, api: Api, stub: StubProvider, body: Callable[[], Iterator[bytes]]
):
    api.accepted = {"access-2"}
    for number, answer in enumerate([(401, "expired"), GOOD]):
        sent = requests.post(api.url, data=body(), auth=auth, timeout=TIMEOUT_S)
        assert (sent.status_code, sent.text) == answer
        assert len(api.seen) == number + 1


def test_httpx_does_not_send_half_a_stream_again(auth: ReconsentAuth, api: Api):
    import httpx

    api.accepted = {"access-2"}
    assert httpx.post(api.url, content=parts(), auth=auth, timeout=TIMEOUT_S).status_code == 401
    assert httpx.post(api.url, content=parts(), auth=auth, timeout=TIMEOUT_S).status_code == 200
    assert api.seen == ["access-1", "access-2"]


def test_a_file_is_sent_from_its_beginning_again(auth: ReconsentAuth, api: Api, tmp_path: Path):
    api.accepted = {"access-2"}
    photo = tmp_path / "photo"
    photo.write_bytes(b"x" * 100_000)
    with photo.open("rb") as file:
        sent = requests.post(api.url, data=file, auth=auth, timeout=TIMEOUT_S)
    assert sent.status_code == 200
    assert [len(body) for body in api.bodies] == [100_000] * 2


def test_many_threads_share_one_fetch_and_one_renewal(
    auth: ReconsentAuth, api: Api, served: Served, stub: StubProvider
):
    stub.delay_s, api.accepted = 0.2, {"access-2"}

    def ask(_number: int) -> int:
        return requests.get(api.url, auth=auth, timeout=TIMEOUT_S).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(32))) == {200}
    assert served.asked.count("token") == 1
    assert stub.refreshes == ["refresh-1"]


def test_another_host_gets_no_token_and_its_refusal_says_nothing(
    send: Send, auth: ReconsentAuth, api: Api, served: Served
):
    with an_api() as elsewhere:
        elsewhere.accepted = set()
        api.accepted, api.refusal = set(), Response("moved", 307, headers={"Location": elsewhere.url})
        assert send(auth, api.url) == (401, "expired")
    assert (api.seen, elsewhere.seen) == (["access-1"], [None])
    assert served.asked == ["token"]


def test_a_redirect_of_the_portal_is_not_followed_with_the_key(
    send: Send, auth: ReconsentAuth, api: Api, served: Served
):
    served.answering = Response("", 307, headers={"Location": api.url})
    with pytest.raises(RequestRefused, match="base_url"):
        send(auth, api.url)
    assert api.seen == []


def test_a_password_in_netrc_does_not_replace_the_key(
    auth: ReconsentAuth, api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.get(api.url, auth=auth, timeout=TIMEOUT_S).status_code == 200


def test_where_only_the_member_can_help_it_says_why_and_since_when(
    send: Send, auth: ReconsentAuth, api: Api, stub: StubProvider
):
    api.accepted, stub.current = set(), "revoked by its owner"
    with pytest.raises(ReconsentRequired) as raised:
        send(auth, api.url)
    assert raised.value.reason
    assert raised.value.since is not None
    assert datetime.now(UTC) - raised.value.since < timedelta(minutes=1)
    with pytest.raises(ReconsentRequired):
        send(auth, api.url)
    assert api.seen == ["access-1"], "a token known to be dead is not tried again"


def test_a_sick_provider_is_told_with_the_time_to_wait(
    send: Send, served: Served, key: str, world: World, api: Api, stub: StubProvider
):
    with served.app.app_context():
        old = make_connection(world.ana, provider_id="stub", access_ends_in=timedelta(0), now=clock.now())
    stub.answering = lambda _token: Response("down", 503)
    with pytest.raises(ProviderUnavailable) as raised:
        send(ReconsentAuth(served.url, key, old), api.url)
    assert raised.value.retry_after is not None
    assert raised.value.retry_after > timedelta(0)
    assert api.seen == []


def test_a_revoked_key_is_told_from_a_connection_that_is_not_there(
    send: Send, served: Served, key: str, ana_stub: UUID, api: Api, world: World
):
    with pytest.raises(ConnectionUnknown):
        send(ReconsentAuth(served.url, key, uuid4()), api.url)
    with served.app.app_context():
        (view,) = api_keys.all_of(world.chloe.asker)
        api_keys.revoke(world.chloe.asker, view.id, now=clock.now())
    with pytest.raises(Unauthorized):
        send(ReconsentAuth(served.url, key, ana_stub), api.url)


def test_a_portal_that_is_not_there_is_named(send: Send, key: str, api: Api):
    with pytest.raises(PortalUnavailable):
        send(ReconsentAuth("http://127.0.0.1:9", key, uuid4()), api.url)


def test_neither_key_nor_token_shows_when_printed(auth: ReconsentAuth, key: str):
    assert key not in repr(auth)
    assert "access-1" not in repr(auth.token())
