"""Whatever is set wrongly: every setting named in a line, exit 1 at once, nothing listening, no secret printed."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

import pytest

from tests.faults.processes import ROOT
from tests.test_config import HIDDEN, KEY, MISTAKES, OTHER_KEY, SECRET

WITHIN_S = 5.0
RIGHT = {
    "PORTAL_ENV": "production",
    "PORTAL_SECRET_KEY": SECRET,
    "PORTAL_TOKEN_KEYS": f"2026a:{KEY},2025:{OTHER_KEY}",
    "PORTAL_DATABASE_URL": f"postgresql+psycopg://portal:{HIDDEN}@db.internal/portal",
    "PORTAL_REDIS_URL": f"redis://:{HIDDEN}@redis.internal:6379/0",
    "PORTAL_SMTP_URL": f"smtp://portal:{HIDDEN}@mail.internal:587?tls=starttls",
    "PORTAL_PUBLIC_URL": "https://portal.acme.example",
}
ALL_WRONG = RIGHT | {
    "PORTAL_SECRET_KEY": f"change-me-{SECRET}",
    "PORTAL_TOKEN_KEYS": f"one:{KEY[:-4]}",
    "PORTAL_DATABASE_URL": f"mysql://portal:{HIDDEN}@db/portal",
    "PORTAL_REDIS_URL": f"http://:{HIDDEN}@redis.internal",
    "PORTAL_SMTP_URL": f"smtp://portal:{HIDDEN}@mail.internal?tls=ssl",
    "PORTAL_MAIL_FROM": "Reconsent",
    "PORTAL_PUBLIC_URL": f"http://portal:{HIDDEN}@portal.acme.example",
    "PORTAL_PROVIDERS_DIR": "/no/such/folder",
    "PORTAL_ALLOWED_PRIVATE_HOSTS": "127.0.0.1:9000",
    "PORTAL_TRUSTED_PROXIES": "one",
    "PORTAL_THREADS": "many",
}
WRONG_NAMES = set(ALL_WRONG) - {"PORTAL_ENV"}
GUNICORN = ("gunicorn", "-c", "python:portal.web_server", "-b", "127.0.0.1:0", "wsgi:app")
COMMANDS = [
    ("portal.cli", "worker"),
    ("portal.cli", "worker", "--processes", "2"),
    ("portal.cli", "scheduler"),
    ("portal.cli", "tick"),
    ("portal.cli", "migrate"),
    ("portal.cli", "clock"),
    ("portal.cli", "organization", "create", "Acme", "--admin", "chloe@acme.example"),
    GUNICORN,
]
SINGLE_MISTAKES = [pytest.param(*mistake, marks=pytest.mark.soak) for mistake in MISTAKES]


def start(
    module: Sequence[str], settings: Mapping[str, str], folder: Path, *, cwd: Path = ROOT
) -> tuple[int, str, float]:
    """Exit status, everything said, and the seconds it took."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PORTAL_DATA_DIR": str(folder / "data")}
    began = monotonic()
    command = [sys.executable, "-m", *module]
    outcome = subprocess.run(
        command, cwd=cwd, env=environ | settings, capture_output=True, text=True, timeout=60, check=False
    )
    return outcome.returncode, outcome.stdout + outcome.stderr, monotonic() - began


def named_in(said: str) -> list[str]:
    """The first word of each line, but for gunicorn's own lines, which begin with a date in brackets."""
    return [line.split()[0] for line in said.splitlines() if not line.startswith("[")]


def no_secret_in(said: str) -> bool:
    return not [secret for secret in (HIDDEN, SECRET, KEY[:-4], OTHER_KEY) if secret in said]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_wrong_setting_is_named_at_once_and_nothing_starts(command: Sequence[str], tmp_path: Path):
    status, said, took_s = start(command, ALL_WRONG, tmp_path)
    assert status == 1, said
    assert set(named_in(said)) == WRONG_NAMES, said
    assert len(named_in(said)) == len(WRONG_NAMES), "a line each"
    assert no_secret_in(said)
    assert "Listening" not in said
    assert took_s < WITHIN_S


def test_a_web_server_that_was_not_told_its_settings_names_every_wrong_one_and_ends(tmp_path: Path):
    command = ("gunicorn", "--no-control-socket", "-b", "127.0.0.1:0", "wsgi:app")
    status, said, _ = start(command, ALL_WRONG | {"PYTHONPATH": str(ROOT)}, tmp_path, cwd=tmp_path)
    assert status == 4, "as the operator's guide says"
    assert set(named_in(said)) == WRONG_NAMES, said
    assert no_secret_in(said)


@pytest.mark.parametrize(("name", "value"), SINGLE_MISTAKES)
@pytest.mark.parametrize("command", [("portal.cli", "worker"), GUNICORN], ids=" ".join)
def test_each_wrong_setting_alone_is_named(command: Sequence[str], name: str, value: str, tmp_path: Path):
    status, said, took_s = start(command, RIGHT | {name: value}, tmp_path)
    assert status == 1, said
    assert named_in(said) == [name], said
    assert no_secret_in(said)
    assert took_s < WITHIN_S
