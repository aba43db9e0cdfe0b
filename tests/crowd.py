"""Many connections at the stub provider, each with refresh tokens of its own: "7:3" is the third of the seventh."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from werkzeug import Response

from portal.db import db, transaction
from portal.models import Connection, Grant
from tests.factories import NOON, Person, make_connection
from tests.fixtures.stub_provider import StubProvider

HOUR = timedelta(hours=1)
FAULTS = {
    "revoked": ({"error": "invalid_grant"}, 400),
    "wrong secret": ({"error": "invalid_client"}, 401),
    "down": ({"error": "server_error"}, 503),
    "too many": ({"error": "slow_down"}, 429),
}


def in_json(status: int, **body: object) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


class Crowd:
    """Answers for all of them: rotates strictly, unless `trouble` says how a connection's request fails."""

    def __init__(self, stub: StubProvider, *, lives: timedelta = HOUR) -> None:
        self.asked: Counter[str] = Counter()
        self.trouble: Callable[[int], Response | str | None] = lambda _number: None
        self._lives_s, self._newest = int(lives.total_seconds()), Counter[int]()
        self._lock = threading.Lock()
        stub.answering = self.answer

    def answer(self, token: str) -> Response:
        number, rotation = (int(part) for part in token.split(":"))
        with self._lock:
            self.asked[token] += 1
            trouble = self.trouble(number)
            if trouble is not None:
                return self._said(trouble)
            if rotation != max(1, self._newest[number]):
                return self._said("revoked")
            self._newest[number] = rotation + 1
        given = {"access_token": f"access-{number}-{rotation + 1}", "refresh_token": f"{number}:{rotation + 1}"}
        return in_json(200, token_type="Bearer", expires_in=self._lives_s, **given)

    def _said(self, trouble: Response | str) -> Response:
        if isinstance(trouble, Response):
            return trouble
        body, status = FAULTS[trouble]
        return in_json(status, **body)

    @property
    def calls(self) -> int:
        return self.asked.total()


def make_crowd(
    owner: Person,
    many: int,
    *,
    provider_id: str = "stub",
    first: int = 0,
    lives: timedelta = HOUR,
    now: datetime = NOON,
) -> list[UUID]:
    """So many connections, numbered from `first`, whose access tokens were all given now."""
    return [
        make_connection(
            owner,
            provider_id=provider_id,
            refresh_token=f"{number}:1",
            access_ends_in=lives,
            consent_ends_in=timedelta(days=90),
            now=now,
        )
        for number in range(first, first + many)
    ]


def change_file(environ: dict[str, str], old: str, new: str) -> None:
    """Change the stub's file before the portal reads it."""
    path = Path(environ["PORTAL_PROVIDERS_DIR"]) / "stub.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@transaction
def grant_of(connection_id: UUID) -> Grant:
    """The grant's row as it is now."""
    return db.session.get_one(Grant, connection_id, populate_existing=True)


@transaction
def connection_of(connection_id: UUID) -> Connection:
    """The connection's row as it is now."""
    return db.session.get_one(Connection, connection_id, populate_existing=True)


@transaction
def set_grant(connection_id: UUID, **columns: object) -> None:
    """Change columns of a grant."""
    grant = db.session.get_one(Grant, connection_id)
    for name, value in columns.items():
        setattr(grant, name, value)
