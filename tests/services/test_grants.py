"""Accepting a grant: the one write, what it plans and tells; and giving one up."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from portal.db import db, transaction
from portal.models import Connection, Organization
from portal.rules.comparison import SharedAccount
from portal.rules.status import ConnectionState
from portal.services import cases, grants
from portal.services.asker import Asker
from portal.services.new_grants import NewGrant
from portal.services.races import Outrun
from portal.services.reconsent import Finished
from tests.consents import SCOPES, come_back, connected, event_kinds, new_grant, signed_in, stored
from tests.factories import NOON, World, make_connection

pytestmark = pytest.mark.both_databases
LATER = NOON + timedelta(days=3)


def test_a_first_consent_makes_an_active_connection_with_its_date_and_reminder(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    new = new_grant("ana-login")
    found = stored(connected(ana, new, nickname="Press"))
    assert found.connection.state is ConnectionState.ACTIVE
    assert found.connection.nickname == "Press"
    assert found.connection.subject == "ana-login"
    assert found.connection.consent_expires_at == NOON + timedelta(days=60)
    assert found.connection.consent_end_source == "response"
    assert found.grant is not None
    assert found.grant.generation == 1
    assert found.access_token == new.access_token.reveal()
    assert found.reminder is not None
    assert found.reminder.next_step == 14
    assert "connection:connected" in event_kinds(found.connection.id)


def test_without_a_nickname_the_connection_is_called_after_its_login(context: Flask, world: World) -> None:
    found = stored(connected(signed_in(world.ana), new_grant("s", label="Northwind (hello@northwind.example)")))
    assert found.connection.nickname == "Northwind"


def test_the_same_login_with_nothing_lost_replaces_the_grant_at_once(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("ana-login"))
    renewed = new_grant("ana-login", accounts=(SharedAccount("page-1", "Renamed page"),), now=LATER)
    finished = come_back(ana, renewed, connection_id=connection_id, began_at=LATER, now=LATER)
    found = stored(connection_id)
    assert finished.pending_id is None
    assert found.grant is not None
    assert found.grant.generation == 2
    assert found.refresh_token == (renewed.refresh_token and renewed.refresh_token.reveal())
    assert found.grant.accounts == [{"id": "page-1", "name": "Renamed page"}]
    assert found.connection.connected_at == NOON
    assert found.connection.consented_at == LATER
    assert found.connection.consent_expires_at == LATER + timedelta(days=60)


def test_a_renewal_ends_the_series_of_reminders_at_once(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("ana-login", refresh_ends_in=timedelta(days=5)))
    before = stored(connection_id).reminder
    assert before is not None
    assert before.next_step is not None
    assert before.next_step < 14
    come_back(ana, new_grant("ana-login"), connection_id=connection_id)
    after = stored(connection_id).reminder
    assert after is not None
    assert after.next_step == 14


def test_a_reconsent_heals_a_connection_that_needed_it(context: Flask, world: World) -> None:
    connection_id = make_connection(
        world.ana, subject="ana-login", state=ConnectionState.NEEDS_RECONSENT, scopes="openid"
    )
    come_back(signed_in(world.ana), new_grant("ana-login"), connection_id=connection_id, now=LATER)
    found = stored(connection_id)
    assert found.connection.state is ConnectionState.ACTIVE
    assert found.connection.state_since == LATER
    assert found.connection.state_reason is None


def test_a_subject_unknown_before_is_learned_and_told(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, scopes="openid")
    _forget_subject(connection_id)
    finished = come_back(signed_in(world.ana), new_grant("ana-login"), connection_id=connection_id)
    assert finished.pending_id is None
    assert stored(connection_id).connection.subject == "ana-login"
    assert "subject:changed" in event_kinds(connection_id)


def test_without_a_refresh_token_the_access_token_decides_when_a_human_is_needed(context: Flask, world: World) -> None:
    new = new_grant("ana-login", refresh_token=None, refresh_ends_in=None)
    found = stored(connected(signed_in(world.ana), new))
    assert found.connection.consent_expires_at == NOON + timedelta(hours=1)
    assert found.grant is not None
    assert found.grant.refresh_due_at is None


def test_where_the_answer_states_no_end_the_catalog_does(context: Flask, world: World) -> None:
    found = stored(connected(signed_in(world.ana), new_grant("ana-login", refresh_ends_in=None)))
    assert found.connection.consent_end_source == "catalog"
    assert found.connection.consent_expires_at is not None
    assert found.connection.consent_expires_at > NOON


def test_the_organizations_period_counts_where_the_provider_states_nothing(
    environ: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "plain.toml").write_text(PLAIN_PROVIDER, encoding="utf-8")
    environ |= {
        "PORTAL_PROVIDERS_DIR": str(folder),
        "PORTAL_PROVIDER_PLAIN_CLIENT_ID": "portal",
        "PORTAL_PROVIDER_PLAIN_CLIENT_SECRET": "plain-secret",
    }
    request.getfixturevalue("context")
    world = request.getfixturevalue("world")
    new = new_grant("ana-login", refresh_ends_in=None)
    forever = stored(_connection_of(come_back(signed_in(world.ana), new, provider_id="plain")))
    assert forever.connection.consent_expires_at is None
    _ask_again_after(world, days=90)
    new = new_grant("ben-login", refresh_ends_in=None)
    limited = stored(_connection_of(come_back(signed_in(world.ben), new, provider_id="plain")))
    assert limited.connection.consent_expires_at == NOON + timedelta(days=90)
    assert limited.connection.consent_end_source == "policy"


def test_the_tokens_are_sealed_where_they_are_stored(context: Flask, world: World) -> None:
    new = new_grant("ana-login")
    found = stored(connected(signed_in(world.ana), new))
    assert found.grant is not None
    assert found.grant.access_token is not None
    assert new.access_token.reveal().encode() not in found.grant.access_token.raw


def test_giving_up_calls_for_a_human_at_once(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana)
    assert grants.give_up(connection_id, 1, "The provider no longer knows us.", now=LATER)
    found = stored(connection_id)
    assert found.connection.state is ConnectionState.NEEDS_RECONSENT
    assert found.connection.consent_expires_at == LATER
    assert found.connection.state_reason == "The provider no longer knows us."
    assert found.reminder is not None
    assert found.reminder.next_step == 0
    assert event_kinds(connection_id) == ["connection:needs_reconsent"]


def test_giving_up_never_moves_a_date_later(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana, consent_ends_in=timedelta(days=1))
    grants.give_up(connection_id, 1, "Gone.", now=LATER)
    assert stored(connection_id).connection.consent_expires_at == NOON + timedelta(days=1)


def test_giving_up_tokens_that_were_replaced_meanwhile_changes_nothing(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("ana-login"))
    come_back(ana, new_grant("ana-login"), connection_id=connection_id)
    assert not grants.give_up(connection_id, 1, "Gone.", now=LATER)
    assert stored(connection_id).connection.state is ConnectionState.ACTIVE


def test_giving_up_twice_tells_it_once(context: Flask, world: World) -> None:
    connection_id = make_connection(world.ana)
    grants.give_up(connection_id, 1, "Gone.", now=LATER)
    assert not grants.give_up(connection_id, 1, "Gone.", now=LATER)
    assert event_kinds(connection_id) == ["connection:needs_reconsent"]


def test_tokens_written_after_the_comparison_are_not_written_over(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("ana-login"))
    come_back(ana, new_grant("ana-login"), connection_id=connection_id)
    before = stored(connection_id).access_token
    with pytest.raises(Outrun):
        _accept(ana, connection_id, new_grant("ana-login"), seen=1)
    assert stored(connection_id).access_token == before


def test_lost_scopes_are_no_loss_when_they_were_only_gained(context: Flask, world: World) -> None:
    ana = signed_in(world.ana)
    connection_id = connected(ana, new_grant("ana-login"))
    finished = come_back(ana, new_grant("ana-login", scopes=SCOPES | {"more"}), connection_id=connection_id)
    assert finished.pending_id is None
    assert "scopes:changed" in event_kinds(connection_id)


@transaction
def _accept(asker: Asker, connection_id: UUID, new: NewGrant, *, seen: int) -> None:
    chosen = db.session.get_one(Connection, connection_id)
    case = cases.look_into(asker, chosen, connection_id, new, is_deciding=True)
    assert case.own is not None
    grants.accept(asker, case.own, new, case.comparison, seen=seen, now=LATER)


@transaction
def _forget_subject(connection_id: UUID) -> None:
    db.session.get_one(Connection, connection_id).subject = None


@transaction
def _ask_again_after(world: World, *, days: int) -> None:
    db.session.get_one(Organization, world.acme).policy_period_days = days


def _connection_of(finished: Finished) -> UUID:
    assert finished.connection_id is not None
    return finished.connection_id


PLAIN_PROVIDER = """
schema = 1
id = "plain"
name = "Plain"

[authorize]
url = "https://plain.example.com/authorize"

[token]
url = "https://plain.example.com/token"

[identity]
source = "userinfo"
userinfo = { url = "https://plain.example.com/me", subject = "/id" }
"""
