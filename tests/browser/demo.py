"""The whole demo as a newcomer starts it: web, worker, scheduler, provider, mail sink and Redis."""

import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import requests
from flask import Flask

from portal import clock
from portal.adapters import mailbox
from portal.app import create_app
from portal.db import db
from portal.demo.setting import HOST, Setting
from tests import servers
from tests.demo_provider import DemoProvider
from tests.patience import eventually

STARTED_WITHIN_S = 120.0  # with everybody else's tests running beside it
SEEN_BY_ALL_WITHIN_S = 10.0
MAIL_WITHIN_S = 60.0  # the scheduler looks every 15 seconds
TRIES = 3  # somebody else may take a port between our looking and the demo's binding
TIMEOUT_S = 20
LAST_WORDS = 2000
READY, ENDING = "Open http://", "Ending ..."
CONTROLS = re.compile(r'href="(http://[^"]+)/control"')


@dataclass
class Demo:
    """A running demo; `app` is a portal of this process over the same folder, for services that tests call."""

    url: str
    folder: Path
    provider: DemoProvider
    app: Flask

    @property
    def clock_file(self) -> Path:
        return self.folder / "clock-offset"

    def now(self) -> datetime:
        """What every process of the demo takes for now."""
        return datetime.now(UTC) + clock.read_offset(self.clock_file)

    def move_clock(self, by: timedelta) -> None:
        """Go forward, and wait until web and provider have seen it."""
        before = self.now()
        clock.move(self.clock_file, by)
        assert eventually(lambda: self._web_now() > before + by / 2, within_s=SEEN_BY_ALL_WITHIN_S)
        assert eventually(lambda: self.provider.now() > before + by / 2, within_s=SEEN_BY_ALL_WITHIN_S)

    def mails(self, to: str, kind: str) -> list[EmailMessage]:
        """Everything of this kind that arrived for somebody, oldest first."""
        arrived = (mailbox.read(path) for path in mailbox.arrived(self.folder / "mailbox"))
        found = [mail for mail in arrived if mail["X-Reconsent-Kind"] == kind and to in str(mail["To"])]
        return found[::-1]

    def wait_for_mail(self, to: str, kind: str, *, number: int = 1) -> EmailMessage:
        """The `number`th mail of this kind to somebody, as soon as it has arrived."""
        has_arrived = eventually(lambda: len(self.mails(to, kind)) >= number, within_s=MAIL_WITHIN_S)
        assert has_arrived, f"No {kind} number {number} to {to}"
        return self.mails(to, kind)[number - 1]

    def said_at_its_early_end(self) -> str:
        """What launcher and processes have said, if the demo has ended although nobody asked it to."""
        launcher = _text(self.folder.parent / "log")
        logs = sorted((self.folder / "logs").glob("*.log"))
        ends = [f"{log.name}:\n{_text(log)[-LAST_WORDS:]}" for log in logs]
        return "\n".join([launcher, *ends]) if ENDING in launcher else ""

    def _web_now(self) -> datetime:
        text = requests.get(f"{self.url}/demo/clock", timeout=TIMEOUT_S).text
        return datetime.fromisoformat(re.search(r'datetime="([^"]+)"', text)[1])


def link_in(mail: EmailMessage) -> str:
    """The login link that a mail carries."""
    text = mail.get_body(preferencelist=("plain",)).get_content()
    return re.search(r"http://\S+/login/\S+", text)[0]


@contextmanager
def running_demo() -> Iterator[Demo]:
    """A demo on free ports in a folder of its own; it ends with the block, and also when this process is killed."""
    with ExitStack() as until_end:
        folder, url = _started(until_end)
        provider_url = CONTROLS.search(requests.get(f"{url}/demo", timeout=TIMEOUT_S).text)[1]
        setting = Setting(folder / "data", _port_of(url), _port_of(provider_url), mail_port=9)
        http = until_end.enter_context(requests.Session())
        app = until_end.enter_context(_portal_over(setting))
        yield Demo(url, setting.data_dir, DemoProvider(provider_url, None, setting.clock_file, http), app)


def _started(until_end: ExitStack) -> tuple[Path, str]:
    """The folder and the address of a demo that answers."""
    for _ in range(TRIES):
        folder, port = until_end.enter_context(servers.throwaway_folder("demo")), _free_port()
        command = ["env", f"PORT={port}", f"PORTAL_DATA_DIR={folder / 'data'}", sys.executable, "-m", "portal.demo"]
        with ExitStack() as until_known:
            until_known.enter_context(servers.kept_running(command, folder, end="TERM"))
            said = _said_in_the_end(folder / "log")
            if READY in said:
                until_end.push(until_known.pop_all())
                return folder, f"http://{HOST}:{port}"
    raise servers.ServerMissing(said[-LAST_WORDS:])


def _said_in_the_end(log: Path) -> str:
    """What the launcher has said once it is ready, or ending."""
    eventually(lambda: any(word in _text(log) for word in (READY, ENDING)), within_s=STARTED_WITHIN_S)
    return _text(log)


def _text(log: Path) -> str:
    return log.read_text(errors="replace") if log.exists() else ""


@contextmanager
def _portal_over(setting: Setting) -> Iterator[Flask]:
    """A portal of this process over the demo's folder."""
    app = create_app(setting.environ(os.environ))
    clock.follow(None)  # the other tests of this process have other clocks: here `now` is always handed over
    try:
        yield app
    finally:
        with app.app_context():
            db.engine.dispose()
        app.extensions["reconsent"].redis.close()


def _port_of(url: str) -> int:
    return urlsplit(url).port or 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
