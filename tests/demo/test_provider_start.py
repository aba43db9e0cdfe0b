"""Starting and stopping the provider: what it is told, what it refuses, what outlives it."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.demo_provider import PORTAL_URL, Client, running


def test_everything_outlives_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as provider:
        before = Client(provider)
        provider.control("social/knobs", grace_s=5)
        tokens = before.connect("social-business")
        keys = requests.get(f"{before.issuer}/jwks", timeout=20).json()
    with running(tmp_path) as provider:
        after = Client(provider)
        assert after.refresh(tokens["refresh_token"]).status_code == 200
        assert requests.get(f"{after.issuer}/jwks", timeout=20).json() == keys
        assert provider.http.get(f"{provider.url}/control/api/social/knobs", timeout=20).json()["grace_s"] == 5
    assert provider.process.wait(timeout=10) == 0


def test_nothing_secret_is_stored_readably(tmp_path: Path) -> None:
    with running(tmp_path) as provider:
        client = Client(provider)
        tokens = client.connect("social-business")
        stored = b"".join(path.read_bytes() for path in tmp_path.glob("provider.sqlite*"))
    for secret in (tokens["refresh_token"], tokens["access_token"], client.secret):
        assert secret.encode() not in stored


def test_clients_can_be_given_in_a_file(tmp_path: Path) -> None:
    redirect_uri = f"{PORTAL_URL}/elsewhere"
    own = {"provider": "social", "client_id": "own", "client_secret": "own-secret", "redirect_uris": [redirect_uri]}
    file = tmp_path / "clients.json"
    file.write_text(json.dumps([own]), encoding="utf-8")
    with running(tmp_path, "--clients", str(file)) as provider:
        client = Client(provider, client_id="own", secret="own-secret", redirect_uri=redirect_uri)
        assert client.connect("social-personal")["access_token"]


UNKNOWN_PROVIDER = {"provider": "x", "client_id": "c", "client_secret": "s", "redirect_uris": ["http://p.example/"]}


@pytest.mark.parametrize("text", ["{", "{}", '[{"provider": "social"}]', '["client"]', json.dumps([UNKNOWN_PROVIDER])])
def test_unusable_clients_stop_the_start_with_a_clear_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clients.json"
    file.write_text(text, encoding="utf-8")
    assert_refused_in_one_line(tmp_path, "--clients", str(file))


def test_a_taken_port_stops_the_start_with_a_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_refused_in_one_line(tmp_path, "--port", str(taken.getsockname()[1]))


def assert_refused_in_one_line(folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "portal.demo.provider", "--data-dir", str(folder), *options]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("demo provider: ")
    assert len(outcome.stderr.splitlines()) == 1
