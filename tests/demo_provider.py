"""The demo's provider as a test double: a real process, its control calls, and a small honest client of it."""

import base64
import hashlib
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from portal import clock
from tests.patience import eventually

PORTAL_URL = "http://portal.example:8000"
TIMEOUT_S = 20


@dataclass
class DemoProvider:
    """A running provider process; `url` is its address, without a trailing slash."""

    url: str
    process: subprocess.Popen[str]
    clock_file: Path
    http: requests.Session

    def control(self, path: str, **body: Any) -> Any:
        """POST to `/control/api/<path>` and return the JSON answer; a refusal fails the test."""
        response = self.http.post(f"{self.url}/control/api/{path}", json=body, timeout=TIMEOUT_S)
        assert response.ok, response.text
        return response.json()

    def ledger(self, **asked: str) -> list[dict[str, Any]]:
        """The ledger's entries that match, oldest first."""
        response = self.http.get(f"{self.url}/control/api/ledger", params=asked, timeout=TIMEOUT_S)
        return list(response.json()["entries"])

    def counts(self, **asked: str) -> dict[str, int]:
        """How many ledger lines of each `event:outcome`."""
        response = self.http.get(f"{self.url}/control/api/ledger", params=asked, timeout=TIMEOUT_S)
        return dict(response.json()["counts"])

    def now(self) -> datetime:
        return datetime.fromisoformat(self.http.get(f"{self.url}/healthz", timeout=TIMEOUT_S).json()["now"])

    def move_clock(self, by: timedelta) -> None:
        """Move the clock and wait until the provider has seen it."""
        expected = self.now() + by
        clock.move(self.clock_file, by)
        assert eventually(lambda: abs(self.now() - expected) < timedelta(seconds=15))

    def reset(self) -> None:
        """Real time, honest behaviour, an empty ledger."""
        if clock.read_offset(self.clock_file):
            self.move_clock(-clock.read_offset(self.clock_file))
            clock.reset(self.clock_file)
        self.control("reset")


@contextmanager
def running(folder: Path, *options: str) -> Iterator[DemoProvider]:
    """A provider on a free port with its state in `folder`; it ends with the block."""
    clock_file = folder / "clock-offset"
    command = [sys.executable, "-m", "portal.demo.provider", "--data-dir", str(folder), "--portal-url", PORTAL_URL]
    command += ["--clock-file", str(clock_file), *options]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        requests.Session() as http,
    ):
        try:
            assert process.stdout is not None
            announced = process.stdout.readline()
            assert "listening at" in announced, announced
            yield DemoProvider(announced.split()[-1], process, clock_file, http)
        finally:
            process.terminate()


@dataclass
class Callback:
    """Where the provider sent the browser, with the answer's parameters."""

    address: str
    parameters: dict[str, str]


@dataclass
class Client:
    """An honest client of one of the two providers; tests make it careless."""

    provider: DemoProvider
    slug: str = "social"
    client_id: str = ""
    secret: str = ""
    auth_method: str = ""
    redirect_uri: str = ""
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=secrets.token_urlsafe)
    nonce: str = field(default_factory=secrets.token_urlsafe)

    def __post_init__(self) -> None:
        self.client_id = self.client_id or f"reconsent-{self.slug}"
        self.secret = self.secret or f"demo-secret-of-reconsent-at-{self.slug}"
        self.auth_method = self.auth_method or {"social": "basic", "video": "post"}[self.slug]
        self.redirect_uri = self.redirect_uri or f"{PORTAL_URL}/consent/callback/demo-{self.slug}"

    @property
    def issuer(self) -> str:
        return f"{self.provider.url}/{self.slug}"

    def authorize_url(self, **changes: str | None) -> str:
        """The authorization request's address; a change to None leaves a parameter out."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | changes
        return (
            f"{self.issuer}/authorize?{urlencode({name: value for name, value in asked.items() if value is not None})}"
        )

    def authorize(self, **changes: str | None) -> Callback:
        """Ask as a browser would, and return where it was sent back to."""
        response = self.provider.http.get(self.authorize_url(**changes), allow_redirects=False, timeout=TIMEOUT_S)
        return callback_of(response)

    def consent(self, sub: str, *, scope: str = "openid profile email", **answer: Any) -> Callback:
        """The callback of an authorization that `sub` approves at once."""
        self.provider.control(f"{self.slug}/next-consent", sub=sub, **answer)
        return self.authorize(scope=scope)

    def connect(self, sub: str, *, scope: str = "openid profile email", **answer: Any) -> dict[str, Any]:
        """The tokens of a whole consent."""
        response = self.exchange(self.consent(sub, scope=scope, **answer).parameters["code"])
        assert response.status_code == 200, response.text
        return dict(response.json())

    def exchange(self, code: str, **changes: str) -> requests.Response:
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": self.verifier} | changes
        return self.post("token", {"grant_type": "authorization_code"} | form)

    def refresh(self, refresh_token: str, **changes: str) -> requests.Response:
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": refresh_token} | changes)

    def revoke(self, token: str) -> requests.Response:
        return self.post("revoke", {"token": token})

    def post(self, endpoint: str, form: Mapping[str, str]) -> requests.Response:
        """An authenticated POST, in the way this client is registered for."""
        auth = (self.client_id, self.secret) if self.auth_method == "basic" else None
        sent = dict(form) if auth else {**form, "client_id": self.client_id, "client_secret": self.secret}
        return requests.post(f"{self.issuer}/{endpoint}", data=sent, auth=auth, timeout=TIMEOUT_S)

    def get(self, endpoint: str, access_token: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {access_token}"}
        return requests.get(f"{self.issuer}/{endpoint}", headers=headers, timeout=TIMEOUT_S)


def callback_of(response: requests.Response) -> Callback:
    """Take a redirect to the client apart."""
    assert response.status_code == 302, f"{response.status_code}: {response.text}"
    parts = urlsplit(response.headers["Location"])
    parameters = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Callback(parts._replace(query="").geturl(), parameters)
