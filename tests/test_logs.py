"""What is logged is one JSON line an event, and no secret is in it."""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from portal import logs
from portal.config import Config, load_config
from portal.crypto import MASK, Secret
from portal.logs import Masking
from tests.patience import eventually

ROOT = Path(__file__).parents[1]
CANARY = "canary-7Qm2Zx9RtL4pWv8KsB1n"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(
        {
            "PORTAL_DATA_DIR": str(tmp_path),
            "PORTAL_SECRET_KEY": f"{CANARY}-which-signs",
            "PORTAL_DATABASE_URL": f"postgresql+psycopg://portal:{CANARY}%2Fdatabase@db/portal",
            "PORTAL_SMTP_URL": f"smtp://portal:{CANARY}%2Fmail@mail",
            "PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET": f"{CANARY}-new, {CANARY}-old",
        }
    )


@pytest.fixture
def lines(config: Config, capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    """The lines logged since it was last asked."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure(config)
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    root.handlers, root.level = before
    structlog.reset_defaults()


def test_an_event_is_one_line_with_its_fields(lines: Lines) -> None:
    structlog.get_logger("portal.test").info("reminder sent", email_id=7, is_final=False, days=[14, 12])
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "reminder sent", "level": "info", "logger": "portal.test", "email_id": 7, "is_final": False,
        "days": [14, 12],
    }  # fmt: skip


def test_libraries_are_logged_alike(lines: Lines) -> None:
    logging.getLogger("somebody.else").warning("%s of %s", 3, "four")
    (line,) = lines()
    assert (line["event"], line["level"], line["logger"]) == ("3 of four", "warning", "somebody.else")


def test_configuring_twice_logs_once(lines: Lines, config: Config) -> None:
    logs.configure(config)
    structlog.get_logger().info("once")
    assert len(lines()) == 1


@pytest.mark.parametrize(
    "field",
    ["access_token", "refresh_token", "client_secret", "password", "Authorization", "cookie", "Set-Cookie",
     "code_verifier", "api_key", "login_link", "session_token"],
)  # fmt: skip
def test_a_field_with_a_secrets_name_is_masked_at_any_depth(field: str) -> None:
    masked = Masking()(None, "info", {"event": "x", field: CANARY, "answer": {"headers": [{field: [CANARY]}]}})
    assert CANARY not in json.dumps(masked)


def test_counting_tokens_is_no_secret() -> None:
    assert Masking()(None, "info", {"tokens_refreshed": 12, "token_age_s": 1.5}) == {
        "tokens_refreshed": 12, "token_age_s": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        f"GET /login/{CANARY} HTTP/1.1",
        f"GET /login?next=%2Flogin%2F{CANARY}",
        f"https://portal.example/login/{CANARY}/renew",
        f"/consent/callback/linkedin?code={CANARY}&state={CANARY}&iss=x",
        f"grant_type=refresh_token&refresh_token={CANARY}",
        f'{{"access_token": "{CANARY}", "token_type": "Bearer"}}',
        f"{{'refresh_token': '{CANARY}', 'expires_in': 60}}",
        f'got "{{\\"id_token\\": \\"{CANARY}\\"}}"',
        f"Authorization: Bearer {CANARY}",
        f"authorization: basic {CANARY}==",
        f"the key rck_{CANARY} was refused",
        f"could not connect to redis://:{CANARY}@redis.internal:6379",
        f"postgresql+psycopg://portal:{CANARY}@db/portal",
    ],
)
def test_a_text_with_the_shape_of_a_secret_is_masked(text: str) -> None:
    masked = Masking().text(text)
    assert CANARY not in masked
    assert MASK in masked


def test_a_json_web_token_is_masked_wherever_it_stands() -> None:
    assert Masking().text(f"cannot verify {JWT}, sorry") == f"cannot verify {MASK}, sorry"


def test_a_persons_address_is_masked_and_a_message_id_of_ours_is_not() -> None:
    masked = Masking().text("550 ana.alvarez+x@acme.example unknown in <reconsent.12.00ff00ff00ff@portal.example>")
    assert masked == f"550 {MASK}@acme.example unknown in <reconsent.12.00ff00ff00ff@portal.example>"


@pytest.mark.parametrize(
    "text", ["12 e-mails sent in 3.5 s", "/connections/0190", "see https://acme.example:8000/login"]
)
def test_harmless_texts_stay_as_they_are(text: str) -> None:
    assert Masking().text(text) == text


@pytest.mark.parametrize(
    "text", [f"{CANARY}-which-signs", f"{CANARY}/database", f"{CANARY}%2Fmail", f"{CANARY}-new", f"x{CANARY}-oldy"]
)
def test_the_operators_own_secrets_are_masked_in_any_form(text: str, lines: Lines) -> None:
    structlog.get_logger().info("somebody says so", words=text)
    assert CANARY not in json.dumps(lines())


def test_exceptions_are_masked_in_words_and_in_fields(lines: Lines) -> None:
    try:
        raise ValueError(f"cannot use refresh_token={CANARY}")
    except ValueError as error:
        structlog.get_logger().error("refresh failed", error=error, exc_info=True)
        logging.getLogger("library").exception("failed for %r", {"access_token": CANARY})
    logged = lines()
    assert len(logged) == 2
    assert "Traceback" in logged[0]["exception"]
    assert CANARY not in json.dumps(logged)


def test_a_secret_is_masked_however_it_is_logged(lines: Lines) -> None:
    structlog.get_logger().info(
        "sealed", what=Secret(CANARY), also={Secret(CANARY)}, raw={"x": b"Bearer " + CANARY.encode()}
    )
    assert CANARY not in json.dumps(lines())


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[Path]:
    """Gunicorn with our log and a trivial application that stumbles; gives the socket it listens at."""
    (tmp_path / "stumbling.py").write_text(
        "def app(environ, start_response):\n    raise ValueError('no ' + environ['HTTP_AUTHORIZATION'])\n"
    )
    address = tmp_path / "web.sock"
    command = [
        sys.executable, "-m", "gunicorn", "stumbling:app", "--chdir", str(tmp_path), "--bind", f"unix:{address}",
        "--logger-class", "portal.server_log.MaskedServerLog", "--no-control-socket", "--workers", "1",
        "--access-logfile", "-", "--access-logformat", "%(r)s %({authorization}i)s %({cookie}i)s",
    ]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=tmp_path, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert eventually(address.exists)
        yield address
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=20)


def test_the_web_servers_log_is_masked_as_well(web_server: Path) -> None:
    log = web_server.with_name("log")
    headers = f"Host: portal\r\nAuthorization: Bearer {CANARY}\r\nCookie: reconsent={CANARY}\r\n"
    with closing(socket.socket(socket.AF_UNIX)) as browser:
        browser.connect(str(web_server))
        browser.sendall(f"GET /login/{CANARY}?code={CANARY} HTTP/1.1\r\n{headers}\r\n".encode())
        browser.recv(1)
    assert eventually(lambda: "ValueError" in log.read_text() and f"/login/{MASK}" in log.read_text())
    assert CANARY not in log.read_text()
