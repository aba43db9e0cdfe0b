"""The admins' pages of connections by a key, and what members see of them."""

from datetime import datetime, timedelta
from io import BytesIO
from uuid import UUID

import pytest
from flask import Flask

from portal import clock
from portal.db import db, transaction
from portal.models import Connection
from portal.services import service_connections
from portal.services.service_connections import Upload
from tests.crowd import set_grant
from tests.factories import World
from tests.key_provider import ISSUER, KeyProvider, ec_key, pem, public_pem
from tests.page import Page

KEY = ec_key()
ENTERED = {"issuer": ISSUER, "subject": "sync@acme.example"}
NEW = "/admin/service-connections/new/keyed"
SECRET_PART = pem(KEY).decode().splitlines()[1][:40]


@pytest.fixture
def chloe(keyed: KeyProvider, page: Page, world: World) -> Page:
    keyed.now = soon()
    return page.sign_in(world.chloe)


@pytest.fixture
def made(keyed: KeyProvider, app: Flask, world: World) -> UUID:
    keyed.now, moment = soon(), clock.now()
    keyed.knows(KEY)
    with app.app_context():
        file = Upload(pem(KEY), entered=ENTERED)
        return service_connections.create(world.chloe.asker, "keyed", file, nickname="Nightly sync", now=moment)


def soon() -> datetime:
    """What time it is for the provider: not before it is so for us, whenever the request comes."""
    return clock.now() + timedelta(seconds=30)


def file(content: bytes) -> tuple[BytesIO, str]:
    return BytesIO(content), "key.pem"


def state_of(app: Flask, connection_id: UUID) -> str:
    with app.app_context():

        @transaction
        def read() -> str:
            return db.session.get_one(Connection, connection_id).state.value

        return read()


def test_an_admin_connects_by_a_key(chloe: Page, keyed: KeyProvider):
    keyed.knows(KEY)
    chloe.get("/admin/service-connections")
    assert "No service connection yet" in chloe.text
    chloe.press_link("Connect by a key").get(NEW)
    assert chloe.heading == "Connect Keyed"
    keyed.now = soon()
    chloe.submit("Connect", key_file=file(pem(KEY)), entry_issuer=ISSUER, entry_subject="sync@acme.example")
    assert chloe.heading == "sync@acme.example"
    assert "Keyed has given a token for it." in chloe.response.text
    assert "SHA256:" in chloe.text
    assert "A key was entered" in chloe.text
    assert SECRET_PART not in chloe.response.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "Choose the key file."),
        (public_pem(KEY), "This is a public key."),
        (pem(KEY, "open sesame"), "This key is protected."),
        (b"x" * 70_000, "at most 64 kB"),
        (pem(KEY), "does not accept this key"),
    ],
)
def test_a_wrong_file_loses_nothing_typed(chloe: Page, content: bytes, words: str):
    chloe.get(NEW)
    typed = {
        "entry_issuer": ISSUER,
        "entry_subject": "sync@acme.example",
        "nickname": "Nightly",
        "ends_on": "2099-01-31",
    }
    chloe.submit("Connect", status=422, key_file=file(content), passphrase="", **typed)
    assert words in chloe.text
    shown = {field.get("name"): field.get("value") for field in chloe.all("input")}
    assert typed.items() <= shown.items()
    assert SECRET_PART not in chloe.response.text


def test_a_passphrase_is_never_shown_again(chloe: Page):
    chloe.get(NEW)
    fields = {"entry_issuer": ISSUER, "passphrase": "open barley", "key_file": file(pem(KEY, "open sesame"))}
    chloe.submit("Connect", status=422, **fields)
    assert "The key does not open with this passphrase." in chloe.text
    assert "open barley" not in chloe.response.text


def test_a_pasted_credential_is_never_shown_again(chloe: Page):
    chloe.get("/admin/service-connections/new/ready")
    chloe.submit("Connect", status=422, key_file="eyJ-not-a-jwt", entry_issuer=ISSUER)
    assert "This is not a JWT credential" in chloe.text
    assert "eyJ-not-a-jwt" not in chloe.response.text


def test_wrong_entries_are_named_at_their_fields(chloe: Page):
    chloe.get(NEW)
    chloe.submit("Connect", status=422, key_file=file(pem(KEY)), entry_issuer="NOT RIGHT", ends_on="soon")
    assert "The key ends on: Enter a day, such as 2027-03-31." in chloe.text
    chloe.submit("Connect", status=422, key_file=file(pem(KEY)), entry_issuer="NOT RIGHT", ends_on="")
    assert "Issuer: This is not as Keyed needs it." in chloe.text


def test_a_refused_key_is_replaced_from_every_page_about_it(
    chloe: Page, app: Flask, made: UUID, keyed: KeyProvider, world: World
):
    keyed.forgets()
    with app.app_context():
        from portal.services import grants

        assert grants.give_up(made, 1, "The provider refuses the key.", now=clock.now())
    for path in (
        "/connections",
        f"/connections/{made}",
        f"/admin/connections/{made}",
        f"/admin/service-connections/{made}",
    ):
        chloe.get(path)
        assert "Reconnect" not in chloe.buttons
        assert "Send reminder" not in chloe.buttons
        assert "Replace the key" in chloe.text, path
    chloe.submit("Try the key again")
    assert "does not accept this key" in chloe.response.text
    other = ec_key()
    keyed.knows(other)
    chloe.get(f"/admin/service-connections/{made}/key")
    assert [field.get("value") for field in chloe.all("input") if field.get("name") == "entry_issuer"] == [ISSUER]
    keyed.now = soon()
    chloe.submit("Replace the key", key_file=file(pem(other)))
    assert "The new key works and has replaced the old." in chloe.response.text
    assert state_of(app, made) == "active"


def test_a_key_whose_provider_does_not_answer_is_spoken_of_on_its_page(chloe: Page, app: Flask, made: UUID):
    with app.app_context():
        since = clock.now() - timedelta(hours=2)
        set_grant(made, failures=9, failing_since=since, last_fault="transient")
    text = chloe.get(f"/admin/service-connections/{made}").text
    assert "does not answer as it should" in text
    assert "replace its key" in text


def test_disconnecting_asks_first_and_forgets_the_key(chloe: Page, app: Flask, made: UUID):
    chloe.get(f"/admin/service-connections/{made}").press_link("Disconnect")
    assert "will stop working" in chloe.heading
    chloe.most_queries = 26  # three transactions: its end here, at the provider, and the note of that
    chloe.submit("Disconnect")
    assert "Its key is forgotten" in chloe.text
    assert "Enter a key" in chloe.text
    assert "Access token until" not in chloe.text
    assert state_of(app, made) == "disconnected"


def test_it_stands_beside_the_others_on_the_dashboard(chloe: Page, made: UUID):
    chloe.get("/admin/connections")
    assert "Nightly sync" in chloe.text
    chloe.get(f"/admin/connections/{made}").press_link("Its key")
    assert chloe.heading == "Nightly sync"


def test_another_organizations_admin_finds_nothing(keyed: KeyProvider, page: Page, made: UUID, world: World):
    page.sign_in(world.eve)
    page.get("/admin/service-connections")
    assert "Nightly sync" not in page.text
    for path in ("", "/key", "/disconnect"):
        page.get(f"/admin/service-connections/{made}{path}", status=404)


def test_a_provider_that_people_consent_to_has_no_such_page(chloe: Page):
    chloe.get("/admin/service-connections/new/demo-social", status=404)
    chloe.get("/admin/service-connections/new/nowhere", status=404)
