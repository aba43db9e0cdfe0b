"""The client is for backends that have nothing of the portal installed but this package."""

import subprocess
import sys

import pytest

from tests.contracts.repository import ROOT

CHECK = """
import sys
for missing in {missing!r}:
    sys.modules[missing] = None
from portal.client import Client, ReconsentAuth
client = Client("https://portal.example.org", "key")
print(type(client._transport).__name__)
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {strangers!r}))
print(*sorted(name for name in sys.modules if name.startswith("portal") and not name.startswith("portal.client")))
"""
STRANGERS = {"flask", "sqlalchemy", "werkzeug", "redis", "authlib", "structlog"}


@pytest.mark.parametrize(
    ("missing", "transport"),
    [([], "RequestsTransport"), (["httpx"], "RequestsTransport"), (["requests"], "HttpxTransport")],
    ids=["both", "no httpx", "no requests"],
)
def test_it_needs_one_of_the_two_libraries_and_nothing_else(missing: list[str], transport: str):
    code = CHECK.format(missing=missing, strangers=STRANGERS)
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [transport, "", "portal portal.single_flight"]
