"""Connections by a key: made, refreshed, replaced without an outage, refused for good, and ended."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Response

from portal.db import db, transaction
from portal.models import Connection, Email, Event, Grant, Notice, Reminder, ServiceKey
from portal.rules.problems import (
    Conflict,
    InvalidRequest,
    NotFound,
    ProviderNotConfigured,
    ProviderUnavailable,
    ReconsentRequired,
)
from portal.rules.status import ConnectionState, Status
from portal.services import (
    invitations,
    key_alerts,
    policy,
    reconsent,
    reminders,
    service_connections,
    service_listing,
    tokens,
)
from portal.services.service_connections import Upload
from tests.factories import NOON, World
from tests.key_provider import ISSUER, KeyProvider, PrivateKey, certificate, ec_key, pem, rsa_key

pytestmark = pytest.mark.both_databases

ENTERED = {"issuer": ISSUER, "subject": "sync@acme.example", "scope": "read write"}
LATER = NOON + timedelta(minutes=59, seconds=30)
KEY = rsa_key()


@pytest.fixture(autouse=True)
def portal(keyed: KeyProvider, app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def upload(key: PrivateKey = KEY, more: bytes = b"", **changes: Any) -> Upload:
    return Upload(**({"content": pem(key) + more, "entered": ENTERED} | changes))


@pytest.fixture
def made(portal: Flask, world: World, keyed: KeyProvider) -> UUID:
    """A connection that Chloe has made with a key the provider knows."""
    keyed.knows(KEY)
    return service_connections.create(world.chloe.asker, "keyed", upload(), nickname="Nightly sync", now=NOON)


@transaction
def connection_of(connection_id: UUID) -> Connection:
    return db.session.get_one(Connection, connection_id, populate_existing=True)


@transaction
def key_of(connection_id: UUID) -> ServiceKey | None:
    return db.session.get(ServiceKey, connection_id, populate_existing=True)


@transaction
def grant_of(connection_id: UUID) -> Grant:
    return db.session.get_one(Grant, connection_id, populate_existing=True)


@transaction
def all_of(table: type) -> list[Any]:
    return list(db.session.scalars(db.select(table)))


@transaction
def events(connection_id: UUID) -> list[str]:
    return list(db.session.scalars(db.select(Event.kind).filter_by(connection_id=connection_id).order_by(Event.id)))


def fresh(world: World, connection_id: UUID, now: datetime) -> str:
    return tokens.fresh_access_token(world.chloe.asker, connection_id, now=now).access_token.reveal()


def test_an_admin_connects_by_a_key_and_nobody_consents(world: World, made: UUID, keyed: KeyProvider):
    connection = connection_of(made)
    assert (connection.member_id, connection.nickname) == (world.chloe.id, "Nightly sync")
    assert connection.state is ConnectionState.ACTIVE
    assert connection.subject == "sync@acme.example"
    assert connection.consent_expires_at is None
    assert fresh(world, made, NOON) == "access-1"
    (claims,) = keyed.given
    assert (claims["iss"], claims["sub"], claims["scope"]) == (ISSUER, "sync@acme.example", "read write")
    assert events(made) == ["connection:connected", "service_key:entered"]


def test_the_key_is_sealed_and_only_its_fingerprint_can_be_seen(world: World, made: UUID):
    stored = key_of(made)
    assert stored is not None
    assert b"PRIVATE" not in stored.secret.raw
    view = service_listing.one(world.chloe.asker, made, now=NOON)
    assert view.key is not None
    assert view.key.fingerprint.startswith("SHA256:")
    assert "PRIVATE" not in repr(view)


def test_the_same_function_refreshes_it_with_a_new_assertion(world: World, made: UUID, keyed: KeyProvider):
    keyed.now = LATER
    assert fresh(world, made, LATER) == "access-2"
    assert keyed.refused == []
    assert grant_of(made).generation == 2


def test_the_background_refreshes_it(made: UUID, keyed: KeyProvider):
    keyed.now = NOON + timedelta(minutes=50)
    assert tokens.claim_due_batches(now=keyed.now) == ((made,),)
    assert tokens.refresh_batch([made], now=keyed.now) == 1


def test_an_elliptic_key_signs_too(world: World, keyed: KeyProvider):
    key = ec_key()
    keyed.knows(key)
    made = service_connections.create(world.chloe.asker, "keyed", upload(key), now=NOON)
    assert fresh(world, made, NOON) == "access-1"
    assert connection_of(made).nickname == "sync@acme.example"


def test_a_key_nobody_knows_is_not_kept(world: World, keyed: KeyProvider):
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.chloe.asker, "keyed", upload(), now=NOON)
    assert "does not accept this key" in refused.value.errors["key_file"]
    assert all_of(Connection) == []
    assert all_of(ServiceKey) == []
    assert keyed.refused == ["signature"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response("", 503), "does not answer as it should"),
        (Response('{"error": "unsupported_grant_type"}', 400, mimetype="application/json"), "refuses the request"),
        (Response('{"token_type": "bearer"}', 200, mimetype="application/json"), "does not answer as it should"),
    ],
)
def test_whatever_goes_wrong_is_said_and_changes_nothing(
    world: World, keyed: KeyProvider, answer: Response, words: str
):
    keyed.answer = answer
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.chloe.asker, "keyed", upload(), now=NOON)
    assert words in refused.value.errors["key_file"]
    assert all_of(Connection) == []


def test_wrong_entries_are_named_each(world: World, keyed: KeyProvider):
    entered = {"issuer": "NOT RIGHT", "subject": "nobody", "scope": ""}
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.chloe.asker, "keyed", upload(entered=entered), now=NOON)
    assert refused.value.errors.keys() == {"issuer", "subject"}
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.chloe.asker, "keyed", upload(entered={}, content=b""), now=NOON)
    assert refused.value.errors.keys() == {"issuer", "key_file"}


def test_a_file_that_is_missing_or_far_too_large_is_no_key(world: World, keyed: KeyProvider):
    for content, words in ((b"  ", "Choose the key file"), (b"x" * 70_000, "at most 64 kB")):
        with pytest.raises(InvalidRequest) as refused:
            service_connections.create(world.chloe.asker, "keyed", upload(content=content), now=NOON)
        assert words in refused.value.errors["key_file"]


# Ready-made credentials, service accounts, our app itself


def test_a_ready_made_credential_is_shown_as_it_is(world: World, keyed: KeyProvider):
    credential = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE4OTM0NTYwMDB9.c2lnbmVk"  # ends with the year 2029
    keyed.credentials.add(credential)
    made = service_connections.create(world.chloe.asker, "ready", upload(content=credential.encode()), now=NOON)
    stored = key_of(made)
    assert stored is not None
    assert stored.ends_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert fresh(world, made, LATER) == "access-2"


def test_a_service_account_brings_its_own_name(world: World, keyed: KeyProvider):
    import json

    account = {
        "type": "service_account",
        "client_email": "sync@acme.iam.example",
        "private_key": pem(KEY).decode(),
        "private_key_id": "9f2c",
        "token_uri": f"{keyed.url}/token",
    }
    keyed.knows(KEY, "sync@acme.iam.example")
    file = upload(content=json.dumps(account).encode(), entered={"issuer": "unused"})
    made = service_connections.create(world.chloe.asker, "google", file, now=NOON)
    assert connection_of(made).subject == "sync@acme.iam.example"
    keyed.now = LATER
    assert fresh(world, made, LATER) == "access-2"
    assert keyed.refused == []


def test_where_our_app_speaks_for_itself_no_key_is_needed(world: World, keyed: KeyProvider):
    made = service_connections.create(world.chloe.asker, "own", Upload(entered={"issuer": "x"}), now=NOON)
    assert key_of(made) is None
    assert fresh(world, made, LATER) == "access-2"
    assert [one["grant_type"] for one in keyed.given] == ["client_credentials"] * 2


# Replacing


def test_a_new_key_replaces_the_old_one_once_it_has_proved_itself(world: World, made: UUID, keyed: KeyProvider):
    other = ec_key()
    before = key_of(made)
    with pytest.raises(InvalidRequest):
        service_connections.replace_key(world.chloe.asker, made, upload(other), now=NOON)
    after = key_of(made)
    assert before is not None
    assert after is not None
    assert after.fingerprint == before.fingerprint
    keyed.now = LATER
    assert fresh(world, made, LATER) == "access-2", "the old one goes on working"

    keyed.knows(other)
    service_connections.replace_key(world.chloe.asker, made, upload(other), now=LATER)
    replaced = key_of(made)
    assert replaced is not None
    assert replaced.fingerprint != before.fingerprint
    keyed.keys = {ISSUER: [other]}
    keyed.now = NOON + timedelta(hours=2)
    assert fresh(world, made, keyed.now).startswith("access-")
    assert "service_key:replaced" in events(made)


def test_a_key_of_another_login_is_for_a_connection_of_its_own(world: World, made: UUID, keyed: KeyProvider):
    entered = ENTERED | {"subject": "other@acme.example"}
    with pytest.raises(InvalidRequest) as refused:
        service_connections.replace_key(world.chloe.asker, made, upload(entered=entered), now=NOON)
    assert "other@acme.example" in refused.value.errors["key_file"]
    assert connection_of(made).subject == "sync@acme.example"


def test_a_login_is_connected_once(world: World, made: UUID):
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.chloe.asker, "keyed", upload(), now=NOON)
    assert "Nightly sync" in refused.value.errors["key_file"]
    with pytest.raises(InvalidRequest) as refused:
        service_connections.create(world.eve.asker, "keyed", upload(), now=NOON)
    assert "Acme" not in refused.value.errors["key_file"]
    assert "Chloe" not in refused.value.errors["key_file"]


# The end


def refuse(world: World, made: UUID, keyed: KeyProvider) -> ReconsentRequired:
    keyed.forgets()
    keyed.now = LATER
    with pytest.raises(ReconsentRequired) as raised:
        fresh(world, made, LATER)
    return raised.value


def test_a_key_that_is_refused_for_good_calls_the_admins_and_no_member(world: World, made: UUID, keyed: KeyProvider):
    assert "refuses the key" in refuse(world, made, keyed).reason
    connection = connection_of(made)
    assert connection.state is ConnectionState.NEEDS_RECONSENT
    assert all_of(Reminder) == []
    (mail,) = all_of(Email)
    assert (mail.kind, mail.member_id) == ("alert", world.chloe.id)
    assert mail.place == f"/admin/service-connections/{made}"
    with pytest.raises(Conflict):
        reminders.remind_now(world.chloe.asker, made, now=LATER)


def test_another_key_brings_a_refused_connection_back(world: World, made: UUID, keyed: KeyProvider):
    refuse(world, made, keyed)
    other = ec_key()
    keyed.knows(other)
    service_connections.replace_key(world.chloe.asker, made, upload(other), now=LATER)
    connection = connection_of(made)
    assert connection.state is ConnectionState.ACTIVE
    assert connection.consent_expires_at is None
    assert fresh(world, made, LATER) == "access-2"


def test_a_refused_key_that_is_good_again_can_be_tried_again(world: World, made: UUID, keyed: KeyProvider):
    refuse(world, made, keyed)
    with pytest.raises(InvalidRequest):
        service_connections.try_again(world.chloe.asker, made, now=LATER)
    assert connection_of(made).state is ConnectionState.NEEDS_RECONSENT
    keyed.knows(KEY)
    service_connections.try_again(world.chloe.asker, made, now=LATER)
    assert connection_of(made).state is ConnectionState.ACTIVE


def test_an_outage_says_nothing_about_the_key(world: World, made: UUID, keyed: KeyProvider):
    keyed.answer = Response("", 503)
    with pytest.raises(ProviderUnavailable):
        fresh(world, made, LATER)
    assert connection_of(made).state is ConnectionState.ACTIVE


def test_disconnecting_forgets_the_key_and_ends_the_token(world: World, made: UUID, keyed: KeyProvider):
    service_connections.disconnect(world.chloe.asker, made, now=NOON)
    assert key_of(made) is None
    assert connection_of(made).state is ConnectionState.DISCONNECTED
    assert [one["token"] for one in keyed.revoked] == ["access-1"]
    with pytest.raises(ReconsentRequired):
        fresh(world, made, NOON)
    service_connections.replace_key(world.chloe.asker, made, upload(), now=NOON)
    assert fresh(world, made, NOON) == "access-2"


def test_nobody_abroad_sees_or_touches_it(world: World, made: UUID):
    assert service_listing.all_of(world.eve.asker, now=NOON) == ()
    for act in (
        lambda: service_listing.one(world.eve.asker, made, now=NOON),
        lambda: service_connections.replace_key(world.eve.asker, made, upload(), now=NOON),
        lambda: service_connections.try_again(world.eve.asker, made, now=NOON),
        lambda: service_connections.disconnect(world.eve.asker, made, now=NOON),
    ):
        with pytest.raises(NotFound):
            act()
    assert service_listing.one(world.chloe.asker, made, now=NOON).status is Status.ACTIVE


def test_nobody_can_be_sent_to_consent_for_it(world: World, made: UUID):
    with pytest.raises(ProviderNotConfigured):
        reconsent.begin(world.chloe.asker, connection_id=made, now=NOON)
    with pytest.raises(ProviderNotConfigured):
        reconsent.begin(world.ana.asker, provider_id="keyed", entered=ENTERED, now=NOON)
    with pytest.raises(ProviderNotConfigured):
        invitations.invite_connection(world.chloe.asker, member_email="ana@acme.example", provider_id="keyed", now=NOON)


def test_no_provider_that_people_consent_to_takes_a_key(world: World):
    with pytest.raises(ProviderNotConfigured):
        service_connections.create(world.chloe.asker, "demo-social", upload(), now=NOON)


def test_an_organizations_own_period_is_for_consents(world: World, made: UUID):
    rhythm = policy.of_asker(world.chloe.asker).policy
    policy.change(world.chloe.asker, rhythm, policy_period_days=30, now=NOON)
    assert connection_of(made).consent_expires_at is None
    service_connections.replace_key(world.chloe.asker, made, upload(), now=NOON)
    assert connection_of(made).consent_expires_at is None


# The key's own end

ENDS = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_certificates_end_is_the_keys(world: World, keyed: KeyProvider):
    keyed.knows(KEY)
    file = upload(more=certificate(KEY, ENDS), ends_on=date(2099, 1, 1))
    made = service_connections.create(world.chloe.asker, "keyed", file, now=NOON)
    view = service_listing.one(world.chloe.asker, made, now=NOON)
    assert view.key is not None
    assert (view.key.ends_at, view.key.end_source) == (ENDS, "certificate")


def test_a_day_that_is_entered_counts_where_the_file_says_none(world: World, keyed: KeyProvider):
    keyed.knows(KEY)
    made = service_connections.create(world.chloe.asker, "keyed", upload(ends_on=date(2026, 6, 1)), now=NOON)
    stored = key_of(made)
    assert stored is not None
    assert (stored.ends_at, stored.end_source) == (datetime(2026, 6, 1, tzinfo=UTC), "entered")
    with pytest.raises(InvalidRequest) as refused:
        service_connections.replace_key(world.chloe.asker, made, upload(ends_on=date(2026, 3, 10)), now=NOON)
    assert refused.value.errors.keys() == {"ends_on"}


def test_admins_are_told_60_30_and_7_days_before_a_key_ends_each_once(world: World, keyed: KeyProvider):
    keyed.knows(KEY)
    made = service_connections.create(world.chloe.asker, "keyed", upload(more=certificate(KEY, ENDS)), now=NOON)
    twice = [days for days in (61, 60, 59, 31, 30, 29, 8, 7, 6, 1, 0, -1) for _ in range(2)]
    told = [days for days in twice if key_alerts.tell_ends(now=ENDS - timedelta(days=days))]
    assert told == [60, 30, 7]
    assert {mail.member_id for mail in all_of(Email)} == {world.chloe.id}
    assert "1 June 2026" in all_of(Email)[0].detail["title"]
    assert len(all_of(Notice)) == 3
    service_connections.disconnect(world.chloe.asker, made, now=NOON)
