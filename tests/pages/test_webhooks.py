"""The pages of webhook endpoints, from the first to its end."""

import re
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from portal import clock
from portal.models.webhook import DeliveryStatus
from portal.services import publishing, webhook_log, webhooks
from portal.services.audit import EventKind
from tests.factories import World, make_connection
from tests.outbox import events
from tests.page import Page
from tests.webhooks import Receiver, deliver, deliveries, endpoint_row, happen, make_endpoint, publish_and_deliver

URL = "https://backend.example/hook?key=in-the-address"
INDEX = "/admin/settings/webhooks"


@pytest.fixture
def chloe(page: Page, world: World) -> Page:
    return page.sign_in(world.chloe).get(INDEX)


@pytest.fixture
def endpoint_id(app: Flask, world: World) -> UUID:
    with app.app_context():
        return make_endpoint(world.chloe, URL, now=clock.now())[0]


def secret_on(page: Page) -> list[str]:
    return re.findall(r"whsec_[A-Za-z0-9+/=]+", page.response.text)


def test_an_endpoint_is_added_and_its_secret_is_shown_once(chloe: Page) -> None:
    chloe.press_link("Add an endpoint").submit("Add endpoint", url=URL, description="Archive")
    assert chloe.heading == "The signing secret"
    (secret,) = secret_on(chloe)
    again = chloe.get(chloe.path)
    assert again.heading == "This secret was shown already"
    assert secret_on(again) == []
    chloe.press_link("Done")
    assert chloe.heading == "Archive"
    assert secret not in chloe.response.text
    assert len(chloe.get(INDEX).all("tr")) == 2


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"url": ""}, "Enter an address"),
        ({"url": "nonsense"}, "Choose another address"),
        ({"url": "http://backend.example/hook"}, "must begin with https://"),
        ({"url": "https://user:password@backend.example/"}, "neither user, password nor fragment"),
        ({"url": "https://127.0.0.1/hook"}, "leads into a private network"),
        ({"url": "https://[::1]/hook"}, "leads into a private network"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "leads into a private network"),
        ({"url": "https://localhost/hook"}, "leads into a private network"),
        ({"url": "https://" + "x" * 1_000 + ".example/"}, "Enter an address"),
        ({"url": URL, "description": "x" * 101}, "at most 100 characters"),
        ({"url": URL, "types": "connection.exploded"}, "Events"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_added(chloe: Page, typed: dict[str, str], words: str) -> None:
    chloe.get(f"{INDEX}/new").submit("Add endpoint", status=422, **typed)
    assert "There is a problem" in chloe.text
    assert words in chloe.text
    assert "No endpoints yet" in chloe.get(INDEX).text


def test_an_endpoint_is_changed(chloe: Page, endpoint_id: UUID) -> None:
    chloe.get(f"{INDEX}/{endpoint_id}").press_link("Change")
    chloe.submit("Save", url=URL, description="New name", types=["connection.ended", "connection.ending"])
    assert chloe.heading == "New name"
    assert "connection.ending" in chloe.text
    assert "Every type" not in chloe.text
    chloe.press_link("Change").submit("Save", status=422, url="http://backend.example/")
    assert "must begin with https://" in chloe.text


def test_an_endpoint_is_paused_and_resumed(chloe: Page, app: Flask, endpoint_id: UUID) -> None:
    chloe.get(f"{INDEX}/{endpoint_id}").submit("Pause")
    assert "Events wait until you resume it" in chloe.text
    assert "Send a test event" not in chloe.buttons
    chloe.submit("Resume")
    assert "Send a test event" in chloe.buttons


def test_a_new_secret_is_shown_once_and_the_old_one_goes_on_for_a_day(
    chloe: Page, app: Flask, endpoint_id: UUID
) -> None:
    chloe.get(f"{INDEX}/{endpoint_id}").press_link("New secret").submit("Make a new secret")
    assert len(secret_on(chloe)) == 1
    assert "The secret before it" in chloe.text
    assert secret_on(chloe.get(chloe.path)) == []
    with app.app_context():
        assert endpoint_row(endpoint_id).previous_until is not None


def test_an_endpoint_is_deleted_with_everything_that_waits(
    chloe: Page, app: Flask, world: World, endpoint_id: UUID
) -> None:
    with app.app_context():
        happen(world.ana, make_connection(world.ana), now=clock.now())
        publishing.publish(now=clock.now())
    chloe.get(f"{INDEX}/{endpoint_id}").press_link("Delete")
    assert chloe.heading == "backend.example will not be told anything any more"
    chloe.submit("Delete the endpoint")
    assert "No endpoints yet" in chloe.text
    chloe.get(f"{INDEX}/{endpoint_id}", status=404)
    with app.app_context():
        assert deliveries() == []


def test_everything_an_admin_does_is_in_the_log_without_the_whole_address(
    chloe: Page, app: Flask, world: World, endpoint_id: UUID
) -> None:
    chloe.get(f"{INDEX}/{endpoint_id}").submit("Send a test event")
    chloe.submit("Pause").submit("Resume")
    chloe.press_link("Change").submit("Save", url=URL)
    chloe.press_link("New secret").submit("Make a new secret")
    chloe.get(f"{INDEX}/{endpoint_id}").press_link("Delete").submit("Delete the endpoint")
    kinds = ("created", "tested", "paused", "resumed", "changed", "secret_rotated", "deleted")
    with app.app_context():
        for kind in kinds:
            (event,) = events(f"webhook:{kind}")
            assert event.actor == f"member:{world.chloe.id}"
            assert "in-the-address" not in str(event.facts)
    assert "The webhook endpoint at backend.example was deleted" in chloe.get("/admin/audit").text


class TestDeliveries:
    @pytest.fixture
    def endpoint_id(self, receiver: Receiver, app: Flask, world: World) -> UUID:
        with app.app_context():
            return make_endpoint(world.chloe, receiver.url, now=clock.now())[0]

    def test_a_delivery_is_shown_with_its_answer_and_sent_again(
        self, receiver: Receiver, endpoint_id: UUID, chloe: Page, app: Flask, world: World
    ) -> None:
        receiver.will_answer(410)
        with app.app_context():
            happen(world.ana, make_connection(world.ana), EventKind.CONNECTION_ENDED, now=clock.now())
            publish_and_deliver(clock.now())
        chloe.get(f"{INDEX}/{endpoint_id}")
        assert "Switched off" in chloe.text
        for words in ("connection.ended", "Given up", "answered 410"):
            assert words in chloe.text
        chloe.submit("Resume").submit("Send again")
        with app.app_context():
            deliver(clock.now())
        assert "Delivered" in chloe.get(f"{INDEX}/{endpoint_id}").text
        assert len({one.id for one in receiver.received}) == 1

    def test_all_that_was_given_up_is_sent_again_at_once(
        self, receiver: Receiver, endpoint_id: UUID, chloe: Page, app: Flask, world: World
    ) -> None:
        with app.app_context():
            for _ in range(3):
                receiver.will_answer(500)
                webhook_log.send_test(world.chloe.asker, endpoint_id, now=clock.now())
                deliver(clock.now())
        chloe.get(f"{INDEX}/{endpoint_id}").press_link("Show what was given up")
        assert chloe.text.count("webhook.test a test") == 3
        chloe.submit("Send again what was given up")
        assert "Sent again: 3." in chloe.text
        with app.app_context():
            assert {row.status for row in deliveries()} == {DeliveryStatus.WAITING}

    def test_many_deliveries_are_paged(
        self, receiver: Receiver, endpoint_id: UUID, chloe: Page, app: Flask, world: World
    ) -> None:
        with app.app_context():
            connection_id = make_connection(world.ana)
            for _ in range(webhook_log.PAGE_SIZE + 3):
                happen(world.ana, connection_id, now=clock.now())
            publishing.publish(now=clock.now())
        chloe.get(f"{INDEX}/{endpoint_id}")
        assert len(chloe.all("tr")) == webhook_log.PAGE_SIZE + 1
        chloe.press_link("Next page")
        assert len(chloe.all("tr")) == 4
        chloe.press_link("First page")
        chloe.get(f"{INDEX}/{endpoint_id}?before=nonsense", status=400)


@pytest.mark.parametrize("path", ["", "/secret", "/change", "/rotate", "/delete"])
def test_another_organizations_endpoint_is_not_there(page: Page, world: World, endpoint_id: UUID, path: str) -> None:
    page.sign_in(world.eve)
    page.get(f"{INDEX}/{endpoint_id}{path}", status=404)
    assert "No endpoints yet" in page.get(INDEX).text


@pytest.mark.parametrize("action", ["change", "pause", "resume", "rotate", "delete", "test", "dead/again"])
def test_another_organizations_endpoint_cannot_be_touched(
    page: Page, app: Flask, world: World, endpoint_id: UUID, action: str
) -> None:
    page.sign_in(world.eve).get(f"{INDEX}/new")
    form: dict[str, Any] = {field.get("name"): field.get("value") for field in page.all("input")}
    token = {"csrf_token": form["csrf_token"], "url": URL}
    assert page.client.post(f"{INDEX}/{endpoint_id}/{action}", data=token).status_code == 404
    with app.app_context():
        assert [view.id for view in webhooks.all_of(world.chloe.asker)] == [endpoint_id]


def test_another_organizations_delivery_cannot_be_sent_again(
    page: Page, app: Flask, world: World, endpoint_id: UUID
) -> None:
    with app.app_context():
        own, _ = make_endpoint(world.eve, URL, now=clock.now())
        webhook_log.send_test(world.chloe.asker, endpoint_id, now=clock.now())
        (foreign,) = deliveries(endpoint_id)
        assert webhook_log.recent(world.eve.asker, endpoint_id) == ()
    page.sign_in(world.eve).get(f"{INDEX}/new")
    token = {field.get("name"): field.get("value") for field in page.all("input")}["csrf_token"]
    for through in (own, endpoint_id):
        path = f"{INDEX}/{through}/deliveries/{foreign.id}/again"
        assert page.client.post(path, data={"csrf_token": token}).status_code == 404
