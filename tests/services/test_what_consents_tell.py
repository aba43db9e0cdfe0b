"""What the provider says beside the tokens: which scopes were left ticked, what else names the login, when it ends."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from flask import Flask
from werkzeug import Request, Response

from portal.models import Grant
from portal.rules.comparison import Choice
from portal.services import decisions, reconsent
from portal.services.asker import Asker
from portal.services.reconsent import Finished
from tests.consents import pending, signed_in, stored
from tests.factories import NOON, World
from tests.http_server import ScriptedServer
from tests.key_provider import in_json

pytestmark = pytest.mark.both_databases

TELLER = """
schema = 1
id = "teller"
name = "Teller"
as_of = "2026-11-20"

[authorize]
url = "{url}/authorize"
granted_scopes_param = "granted"
scope = {{ default = ["read", "write"] }}

[token]
url = "{url}/token"
auth = "post"

[identity]
source = "token"
subject = "/who"
secondary = ["/team"]

[clocks]
human_at = "refresh_absolute"
refresh_absolute_s = 7776000

[introspect]
url = "{url}/introspect"
refresh_expires_at = "/exp"
"""


@pytest.fixture
def tells(environ: dict[str, str], tmp_path: Path) -> Iterator[dict[str, object]]:
    """The provider running; what its token answer says can be changed."""
    answer: dict[str, object] = {"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 3600, "who": "ana"}

    def give(_: Request) -> Response:
        return in_json(answer)

    def tell(request: Request) -> Response:
        assert (request.form["token"], request.form["token_type_hint"]) == ("rt-1", "refresh_token")
        return in_json(answer.pop("asked", {"active": True}))

    with ScriptedServer() as server:
        server.expect_request("/token").respond_with_handler(give)
        server.expect_request("/introspect").respond_with_handler(tell)
        folder = tmp_path / "providers"
        folder.mkdir()
        (folder / "teller.toml").write_text(TELLER.format(url=server.url_for("").rstrip("/")), "utf-8")
        environ |= {
            "PORTAL_PROVIDERS_DIR": str(folder),
            "PORTAL_PROVIDER_TELLER_CLIENT_ID": "portal",
            "PORTAL_PROVIDER_TELLER_CLIENT_SECRET": "s3cret",
            "PORTAL_ALLOWED_PRIVATE_HOSTS": f"{environ['PORTAL_ALLOWED_PRIVATE_HOSTS']},{server.host}:{server.port}",
        }
        yield answer


@pytest.fixture
def ana(tells: dict[str, object], app: Flask, world: World) -> Iterator[Asker]:
    with app.app_context():
        yield signed_in(world.ana)


def consented(asker: Asker, connection_id: UUID | None = None, **said: str) -> Finished:
    """A trip to the provider and back; `said` comes back beside the code."""
    wanted = {"connection_id": connection_id} if connection_id else {"provider_id": "teller"}
    state = parse_qs(urlsplit(reconsent.begin(asker, **wanted, now=NOON)).query)["state"][0]
    return reconsent.finish(asker, "teller", {"state": state, "code": "code-1"} | said, now=NOON)


def grant_of(finished: Finished) -> Grant:
    assert finished.connection_id is not None
    grant = stored(finished.connection_id).grant
    assert grant is not None
    return grant


def scopes_of(finished: Finished) -> str:
    return grant_of(finished).scopes


def test_scopes_that_were_unticked_are_not_taken_for_granted(ana: Asker):
    assert scopes_of(consented(ana, granted="read")) == "read"


def test_a_scope_unticked_at_a_reconsent_is_looked_at_first(ana: Asker):
    first = consented(ana, granted="read,write")
    again = consented(ana, first.connection_id, granted="read")
    assert again.pending_id is not None
    assert pending(again.pending_id).scopes == "read"


def test_what_the_token_answer_says_counts_more_than_what_the_person_brings(ana: Asker, tells: dict[str, object]):
    tells["scope"] = "write"
    assert scopes_of(consented(ana, granted="read")) == "write"


def test_without_a_word_all_that_was_asked_for_counts_as_granted(ana: Asker):
    assert scopes_of(consented(ana)) == "read write"


def test_what_cannot_be_a_scope_is_left_out(ana: Asker):
    assert scopes_of(consented(ana, granted=f'read,\x00,"x",{"y" * 5000},\N{SNOWMAN}')) == "read"


def test_what_else_names_the_login_is_kept_with_the_grant(ana: Asker, tells: dict[str, object]):
    assert grant_of(consented(ana)).extra is None
    tells |= {"team": "red", "who": "ana in red"}
    assert grant_of(consented(ana)).extra == {"/team": "red"}


SOON = NOON + timedelta(days=30)
LATER = NOON + timedelta(days=90)  # as the file has it


@pytest.mark.parametrize(
    ("stated", "asked", "end"),
    [
        ({}, {"active": True, "exp": SOON.timestamp()}, (SOON, "introspection")),
        ({"refresh_token_expires_in": 30 * 86400}, {"active": True, "exp": 1}, (SOON, "response")),
        ({}, {"active": True}, (LATER, "catalog")),
        ({}, {"active": True, "exp": "soon"}, (LATER, "catalog")),
        ({}, {"active": True, "exp": NOON.timestamp()}, (LATER, "catalog")),
        ({}, {"active": False, "exp": SOON.timestamp()}, (LATER, "catalog")),
        ({}, {"error": "invalid_client"}, (LATER, "catalog")),
    ],
)
def test_the_end_of_a_refresh_token_is_asked_for_where_the_answer_does_not_state_it(
    ana: Asker, tells: dict[str, object], stated: dict[str, object], asked: object, end: tuple[datetime, str]
):
    tells |= stated | {"asked": asked}
    first = consented(ana)
    assert first.connection_id is not None
    found = stored(first.connection_id)
    assert (found.connection.consent_expires_at, found.connection.consent_end_source) == end
    assert grant_of(first).refresh_expires_at == end[0]


def test_an_end_that_was_asked_for_is_still_known_as_such_after_a_review(ana: Asker, tells: dict[str, object]):
    first = consented(ana)
    tells["asked"] = {"active": True, "exp": SOON.timestamp()}
    again = consented(ana, first.connection_id, granted="read")
    assert again.pending_id is not None
    review = decisions.review(ana, again.pending_id, now=NOON)
    decisions.decide(ana, again.pending_id, Choice.REPLACE, seen=review.seen, now=NOON)
    assert first.connection_id is not None
    connection = stored(first.connection_id).connection
    assert (connection.consent_expires_at, connection.consent_end_source) == (SOON, "introspection")
