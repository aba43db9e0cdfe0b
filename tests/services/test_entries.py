"""Connectors and variables of a connection's own: asked for before the consent, kept, and used for every call."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Request, Response

from portal.adapters.oauth import TokenAnswer
from portal.crypto import Secret
from portal.db import db, transaction
from portal.models import Connection, PendingGrant
from portal.rules.comparison import Choice
from portal.rules.problems import InvalidRequest
from portal.services import connections, decisions, entries, invitations, reconsent, stray_tokens, token_store, tokens
from portal.services.asker import Asker
from portal.services.reconsent import Finished
from tests.consents import signed_in
from tests.factories import NOON, World
from tests.http_server import ScriptedServer
from tests.key_provider import in_json

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)
BANKS = """
schema = 1
id = "banks"
name = "Banks"

[vars]
connector = {{ scope = "connection", label = "Bank" }}
region = {{ scope = "connection", label = "Region", pattern = "eu|us", default = "eu" }}
branch = {{ scope = "connection", label = "Branch", pattern = "[a-z]+", optional = true }}
shard = {{ scope = "connection", pattern = "[0-9]+" }}

[authorize]
url = "{url}/{{region}}/authorize"
params = {{ connector = "{{connector}}" }}
scope = {{ default = ["read"] }}

[token]
url = "{url}/{{region}}/{{connector}}/token"
auth = "post"
map = {{ extra = ["/shard"] }}

[clocks]
human_at = "refresh_absolute"

[identity]
source = "token"
subject = "/who"

[revoke]
style = "rfc7009"
url = "{url}/{{region}}/{{connector}}/revoke"

[connectors.mikomo]
name = "Mikomo Bank"
as_of = "2026-11-20"
clocks = {{ refresh_absolute_s = 864000 }}

[connectors.ruritania]
name = "Bank of Ruritania"
"""


@pytest.fixture
def asked(environ: dict[str, str], tmp_path: Path) -> Iterator[list[str]]:
    """The provider running; every path it was asked at. Who signs in is named by the code."""
    paths: list[str] = []

    def answer(request: Request) -> Response:
        paths.append(request.path)
        token = {"access_token": f"access-{len(paths)}", "refresh_token": "refresh", "expires_in": 3600}
        return in_json(token | {"who": request.form.get("code", "ana")})

    with ScriptedServer() as server:
        server.expect_request(re.compile("/.*")).respond_with_handler(answer)
        folder = tmp_path / "providers"
        folder.mkdir()
        (folder / "banks.toml").write_text(BANKS.format(url=server.url_for("").rstrip("/")), "utf-8")
        environ |= {
            "PORTAL_PROVIDERS_DIR": str(folder),
            "PORTAL_PROVIDER_BANKS_CLIENT_ID": "portal",
            "PORTAL_PROVIDER_BANKS_CLIENT_SECRET": "s3cret",
            "PORTAL_ALLOWED_PRIVATE_HOSTS": f"{environ['PORTAL_ALLOWED_PRIVATE_HOSTS']},{server.host}:{server.port}",
        }
        yield paths


@pytest.fixture
def ana(asked: list[str], app: Flask, world: World) -> Iterator[Asker]:
    with app.app_context():
        yield signed_in(world.ana)


def come_back(asker: Asker, url: str, code: str = "ana") -> Finished:
    state = parse_qs(urlsplit(url).query)["state"][0]
    return reconsent.finish(asker, "banks", {"state": state, "code": code}, now=NOON)


def connected(asker: Asker, code: str = "ana", **entered: str) -> UUID:
    url = reconsent.begin(asker, provider_id="banks", connector="mikomo", entered=entered, now=NOON)
    finished = come_back(asker, url, code)
    assert finished.connection_id is not None
    return finished.connection_id


@transaction
def connection_of(connection_id: UUID) -> Connection:
    return db.session.get_one(Connection, connection_id, populate_existing=True)


def test_what_is_asked_comes_from_the_file(ana: Asker):
    bank, region, branch = entries.questions("banks")
    assert bank.options == (("mikomo", "Mikomo Bank"), ("ruritania", "Bank of Ruritania"))
    assert (bank.label, region.default, branch.is_optional) == ("Bank", "eu", True)
    assert entries.questions("demo-social") == ()


@pytest.mark.parametrize(
    ("connector", "entered", "wrong"),
    [
        (None, {}, {"connector"}),
        ("no-such-bank", {"region": "moon"}, {"connector", "region"}),
        ("mikomo", {"branch": "../../etc"}, {"branch"}),
    ],
)
def test_wrong_answers_are_named_and_nothing_begins(
    ana: Asker, connector: str | None, entered: dict[str, str], wrong: set[str]
):
    with pytest.raises(InvalidRequest) as refused:
        reconsent.begin(ana, provider_id="banks", connector=connector, entered=entered, now=NOON)
    assert refused.value.errors.keys() == wrong


def test_the_answers_lead_to_the_right_place_and_are_kept(ana: Asker, asked: list[str]):
    url = reconsent.begin(ana, provider_id="banks", connector="mikomo", entered={"region": "us"}, now=NOON)
    assert urlsplit(url).path == "/us/authorize"
    assert parse_qs(urlsplit(url).query)["connector"] == ["mikomo"]
    finished = come_back(ana, url)
    assert finished.connection_id is not None
    kept = connection_of(finished.connection_id)
    assert (kept.connector, kept.vars) == ("mikomo", {"region": "us", "branch": ""})
    assert kept.consent_expires_at == NOON + timedelta(days=10), "the bank's own clock"
    assert asked == ["/us/mikomo/token"]


def test_refresh_reconsent_and_revocation_go_where_the_consent_was(ana: Asker, asked: list[str]):
    one = connected(ana, region="us")
    tokens.fresh_access_token(ana, one, now=NOON + HOUR)
    again = reconsent.begin(ana, connection_id=one, now=NOON)
    assert urlsplit(again).path == "/us/authorize"
    come_back(ana, again)
    connections.disconnect(ana, one, now=NOON)
    assert asked == ["/us/mikomo/token"] * 3 + ["/us/mikomo/revoke"]


def test_a_parked_grant_keeps_its_own_answers(ana: Asker, asked: list[str]):
    one = connected(ana, region="us")
    finished = come_back(ana, reconsent.begin(ana, connection_id=one, now=NOON), code="somebody else")
    assert finished.pending_id is not None
    pending = parked(finished.pending_id)
    assert (pending.connector, pending.vars) == ("mikomo", {"region": "us", "branch": ""})
    decisions.decide(ana, finished.pending_id, Choice.CANCEL, now=NOON)
    assert "/us/mikomo/revoke" in asked


@transaction
def parked(pending_id: UUID) -> PendingGrant:
    return db.session.get_one(PendingGrant, pending_id, populate_existing=True)


def test_the_right_login_is_looked_for_at_the_same_bank(ana: Asker):
    one = connected(ana, region="us")
    finished = come_back(ana, reconsent.begin(ana, connection_id=one, now=NOON), code="somebody else")
    assert finished.pending_id is not None
    decided = decisions.decide(ana, finished.pending_id, Choice.USE_RIGHT_LOGIN, now=NOON)
    assert urlsplit(decided.next_url).path == "/us/authorize"


def test_whoever_was_invited_is_asked_first(ana: Asker, world: World):
    invited = invitations.invite_connection(
        world.chloe.asker, member_email="ana@acme.example", provider_id="banks", now=NOON
    )
    assert reconsent.has_open_questions(ana, invited)
    with pytest.raises(InvalidRequest):
        reconsent.begin(ana, connection_id=invited, now=NOON)
    url = reconsent.begin(ana, connection_id=invited, connector="ruritania", entered={}, now=NOON)
    come_back(ana, url)
    assert connection_of(invited).connector == "ruritania"
    assert not reconsent.has_open_questions(ana, invited)


def test_tokens_that_come_too_late_are_ended_at_the_same_bank(ana: Asker, asked: list[str]):
    one = connected(ana, region="us")
    grant = token_store.read(one)
    assert grant is not None
    connections.disconnect(ana, one, now=NOON)
    asked.clear()
    stray_tokens.end(grant, TokenAnswer(Secret("late"), Secret("late too")), now=NOON)
    assert asked == ["/us/mikomo/revoke"]
