"""Keys, passphrases and assertions are uploaded, refused and echoed back at us, and none is written down anywhere."""

import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from werkzeug import Request, Response

from portal.db import db, transaction
from portal.models import Email, Event
from portal.rules.problems import InvalidRequest, ReconsentRequired
from portal.services import service_connections, service_listing, tokens
from portal.services.service_connections import Upload
from tests.factories import NOON, World
from tests.faults import canaries
from tests.key_provider import ISSUER, KeyProvider, ec_key, in_json, pem

KEY = ec_key()
OTHER = ec_key()
PASSPHRASE = canaries.new("passphrase")


@pytest.fixture
def echoed(keyed: KeyProvider, app: Flask) -> Iterator[list[str]]:
    """Every assertion that came; the provider repeats them in its refusals, as careless ones do."""
    seen: list[str] = []
    usual = keyed.token

    def careless(request: Request) -> Response:
        seen.append(request.form["assertion"])
        answer = usual(request)
        words = {"error": "invalid_grant", "error_description": f"cannot take {seen[-1]}"}
        return answer if answer.status_code == 200 else in_json(words, 400)

    keyed.server.clear()
    keyed.server.expect_request("/token").respond_with_handler(careless)
    with app.app_context():
        yield seen


def needles(echoed: list[str]) -> list[bytes]:
    numbers = [key.private_numbers().private_value.to_bytes(32) for key in (KEY, OTHER)]
    found = [shape for one in numbers for shape in canaries.shapes_of_bytes(one[: canaries.CORE])]
    return found + [shape for text in (PASSPHRASE, *echoed) for shape in canaries.shapes_of_text(text)]


@transaction
def told() -> str:
    rows = [*db.session.scalars(db.select(Event)), *db.session.scalars(db.select(Email))]
    return "\n".join(repr(vars(row)) for row in rows)


def test_a_key_is_found_in_no_database_log_page_or_error(
    echoed: list[str],
    world: World,
    keyed: KeyProvider,
    environ: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    entered = {"issuer": ISSUER, "subject": "sync@acme.example"}
    file = Upload(pem(KEY, PASSPHRASE), PASSPHRASE, entered=entered)
    errors = []
    for wrong in (file, Upload(pem(KEY, PASSPHRASE), f"{PASSPHRASE}x", entered=entered)):
        with pytest.raises(InvalidRequest) as refused:
            service_connections.create(world.chloe.asker, "keyed", wrong, now=NOON)
        errors += [repr(refused.value), str(refused.value.errors), repr(wrong)]
    keyed.knows(KEY)
    made = service_connections.create(world.chloe.asker, "keyed", file, now=NOON)
    keyed.knows(OTHER)
    service_connections.replace_key(world.chloe.asker, made, Upload(pem(OTHER), entered=entered), now=NOON)
    keyed.forgets()
    with pytest.raises(ReconsentRequired) as ended:
        tokens.fresh_access_token(world.chloe.asker, made, now=NOON.replace(hour=13))
    errors += [repr(ended.value.fields), repr(service_listing.one(world.chloe.asker, made, now=NOON)), told()]
    assert len(echoed) == 4
    written = tmp_path / "written.txt"
    written.write_text("\n".join([*errors, caplog.text, *capfd.readouterr()]), "utf-8")
    database = Path(urlsplit(environ["PORTAL_DATABASE_URL"]).path)
    files = [written, *database.parent.glob(f"{database.name}*")]
    assert len(files) > 1
    found = canaries.found_in(files, needles(echoed))
    assert found == [], "\n".join(found)
