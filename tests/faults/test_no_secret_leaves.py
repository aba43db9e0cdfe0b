"""Tokens, links, codes, keys and cookies are used, refused and echoed back at us, and none is written down anywhere."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from werkzeug import Response

from portal.crypto import from_base64url
from portal.services import api_keys
from tests.factories import World, make_connection, make_world
from tests.faults import canaries, people
from tests.faults.conftest import BOTH, sizes
from tests.faults.mail_server import TAKEN, MailServer
from tests.faults.redis_at_risk import RedisAtRisk
from tests.faults.site import TIMEOUT_S, Site, Web
from tests.faults.visitor import Visitor
from tests.fixtures.portal import SECRET_KEY, TOKEN_KEYS
from tests.fixtures.stub_provider import StubProvider
from tests.servers import PostgresqlDatabases

LOUD_WEB = ("-m", "gunicorn", "-c", "python:portal.web_server", "-b", "127.0.0.1:0", "--access-logfile", "-")
LOUD_WEB += ("--log-level", "debug", "tests.faults.loud:app")
LOUD_WORKER = ("-m", "tests.faults.loud")
DUE_NOW = timedelta(days=13)
EXPIRED = timedelta(seconds=-1)
NEXT_TRY = timedelta(minutes=2)
SPAM = "451 4.7.1 looks like spam: {link} for {recipient}"
"""What content filters answer: the very link they did not like."""


def in_json(status: int, **body: object) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


@dataclass
class Secrets:
    """Everything that must be found nowhere."""

    texts: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)

    def new(self, kind: str) -> str:
        made = canaries.new(kind)
        self.texts.add(made)
        return made

    def needles(self) -> Iterator[bytes]:
        for text in self.texts:
            yield from canaries.shapes_of_text(text)
        for link in self.links:
            token = link.rpartition("/")[2]
            yield from canaries.shapes_of_text(token)
            yield from canaries.shapes_of_bytes(from_base64url(token)[-canaries.CORE :])


@pytest.fixture
def secrets() -> Secrets:
    return Secrets({SECRET_KEY, TOKEN_KEYS.partition(":")[2]})


@pytest.fixture
def careless(stub: StubProvider, environ: dict[str, str], secrets: Secrets) -> StubProvider:
    """A provider that repeats what it was given in every kind of refusal; every fifth request it answers well."""
    asked: list[str] = []
    environ["PORTAL_PROVIDER_STUB_CLIENT_SECRET"] = secrets.new("client")

    def answer(given: str) -> Response:
        asked.append(given)
        echo = f"the token {given} is not good"
        answers = [
            in_json(200, access_token=secrets.new("access"), refresh_token=secrets.new("refresh"), expires_in=3600),
            in_json(400, error="invalid_grant", error_description=echo),
            in_json(429, error={"message": echo, "code": given}),
            in_json(200, refresh_token=given, message=echo),
            Response(f"<h1>500</h1><pre>{echo}</pre>", 500, mimetype="text/html"),
        ]
        return answers[len(asked) % len(answers)]

    stub.answering = answer
    return stub


@sizes(10, 1_000)
@pytest.mark.parametrize("database", BOTH, indirect=True)
def test_no_secret_is_found_in_database_queue_or_logs(
    request: pytest.FixtureRequest,
    careless: StubProvider,
    secrets: Secrets,
    site: Site,
    redis: RedisAtRisk,
    mail: MailServer,
    database_url: str,
    size: int,
):
    transcript = site.folder / "redis.txt"
    listening = redis.write_down_everything(transcript)
    mail.script = lambda phase, recipient: SPAM if phase == "data" and is_first(mail, recipient) else TAKEN
    world = make_world(now=site.now())
    _, key = api_keys.create(world.chloe.asker, "Backend", now=site.now())
    secrets.texts.add(key.reveal())
    site.start("worker", *LOUD_WORKER)
    web = Web(site.start("web", *LOUD_WEB, WEB_CONCURRENCY="1")).wait_until_it_answers()

    ask_for_tokens(site, web, world, secrets, key.reveal(), size)
    people.make_crowd(size, name="Crowd", ends_in=DUE_NOW, now=site.now())
    site.scheduler()
    walk_in(site, web, world, secrets, mail)
    assert site.pass_time(lambda: len(mail.ledger) > size, by=NEXT_TRY, at_most=timedelta(hours=3)) is not None
    secrets.links |= {one.link for one in mail.offered if one.link}

    snapshot = redis.snapshot()
    redis.kill()
    listening.join(10)
    assert b"jobs.emails.deliver" in transcript.read_bytes()
    files = [
        *site.folder.iterdir(),
        *site.clock_file.parent.rglob("*"),
        snapshot,
        *database_files(request, database_url),
    ]
    assert "GET /login/" in site.processes[1].said, "the logs tell much"
    found = canaries.found_in(files, secrets.needles())
    assert found == [], "\n".join(found)


def ask_for_tokens(site: Site, web: Web, world: World, secrets: Secrets, key: str, size: int) -> None:
    """Backends ask for tokens past their time; what is no token is kept to be searched."""
    with (site.folder / "refusals.txt").open("wb") as refusals:
        for _ in range(size):
            given = {"access_token": secrets.new("access"), "refresh_token": secrets.new("refresh")}
            one = make_connection(world.ben, provider_id="stub", access_ends_in=EXPIRED, now=site.now(), **given)
            address = f"{web.url}/api/v1/connections/{one}/token"
            answer = requests.post(address, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)
            if answer.status_code != 200:
                refusals.write(answer.content)
        assert refusals.tell()


def walk_in(site: Site, web: Web, world: World, secrets: Secrets, mail: MailServer) -> None:
    """Ana asks for a link, uses it, and goes to a provider that gives tokens and then does not say whose they are."""
    Visitor(web.url).get("/login").submit("Email me a sign-in link", email=world.ana.email)

    def sign_in_mail() -> bool:
        return bool(mail.of(world.ana.email, "sign_in"))

    assert site.pass_time(sign_in_mail, by=NEXT_TRY, at_most=timedelta(hours=1)) is not None
    link = mail.of(world.ana.email, "sign_in")[0].link
    Visitor(web.url).get(f"{link}x")
    Visitor(web.url).get(link, method="POST")
    ana = Visitor(web.url).come_in(link)
    assert ana.leads_to == "/connections"
    Visitor(web.url).get(link)
    cookie = ana.http.cookies.get_dict()["reconsent"]
    secrets.texts |= {cookie, session_token(site, cookie)}

    ana.get("/connections/new").submit("Connect", provider="stub", nickname="Page")
    state, code = parse_qs(urlsplit(ana.leads_to).query)["state"][0], secrets.new("code")
    secrets.texts.add(state)
    ana.get(f"/consent/callback/stub?state={state}&error=access_denied&error_description=no")
    ana.get("/connections/new").submit("Connect", provider="stub", nickname="Page")
    state = parse_qs(urlsplit(ana.leads_to).query)["state"][0]
    secrets.texts.add(state)
    ana.get(f"/consent/callback/stub?state={state}&code={code}")
    assert ana.status >= 400


def session_token(site: Site, cookie: str) -> str:
    serializer = site.app.session_interface.get_signing_serializer(site.app)
    return str(serializer.loads(cookie)["_user_id"])


def is_first(mail: MailServer, recipient: str) -> bool:
    """Whether the mail at hand is the first that was offered for this recipient."""
    return sum(one.recipient == recipient for one in mail.offered) == 1


def database_files(request: pytest.FixtureRequest, database_url: str) -> list[Path]:
    """All that the database has on disk, its write-ahead log included."""
    if database_url.startswith("sqlite"):
        path = Path(urlsplit(database_url).path)
        files = list(path.parent.glob(f"{path.name}*"))
        assert len(files) > 1, "the write-ahead log among them"
        return files
    server: PostgresqlDatabases = request.getfixturevalue("postgresql_server")
    with server.connect() as connection:
        connection.execute("CHECKPOINT")
    return [path for part in ("data/base", "data/pg_wal") for path in (server.socket_folder / part).rglob("*")]
