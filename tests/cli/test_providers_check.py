from pathlib import Path

import pytest

from portal.providers.catalog import BUILT_IN
from tests.cli.conftest import Run

SHIPPED = sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def test_a_right_file_shows_every_request_it_leads_to(run: Run) -> None:
    shown = run("providers", "check", str(BUILT_IN / "tiktok.toml"))
    assert shown.code == 0
    purposes = [line.partition(":")[0] for line in shown.lines if not line.startswith(" ")]
    assert purposes[:-1] == ["approval page", "exchange", "whoami", "refresh", "revocation"]
    assert "    client_key = <client_id>" in shown.lines
    assert "exchange: POST https://open.tiktokapis.com/v2/oauth/token/" in shown.lines
    assert shown.lines[-1].startswith("tiktok (TikTok) is right;")


def test_the_question_about_a_token_is_among_the_requests(run: Run) -> None:
    shown = run("providers", "check", str(BUILT_IN / "hubspot.toml")).lines
    at = shown.index("introspection: POST https://api.hubapi.com/oauth/2026-03/token/introspect")
    assert "    token = <access_token>" in shown[at : at + 5]


def test_private_hosts_may_be_spoken_to_over_http_as_at_start(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "near.toml"
    text = (BUILT_IN / "x.toml").read_text(encoding="utf-8").replace('"https://api.x.com/', '"http://10.0.0.5:8080/')
    path.write_text(text, encoding="utf-8")
    hosts = "PORTAL_ALLOWED_PRIVATE_HOSTS"
    assert run("providers", "check", str(path), **{hosts: "10.0.0.5:8080"}).code == 0
    assert "must begin with https://" in run("providers", "check", str(path), **{hosts: "10.0.0.5:8081"}).out
    assert hosts in run("providers", "check", str(path), **{hosts: "everybody"}).err


def test_a_wrong_file_is_told_its_lines_and_fails(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_text('schema = 1\nid = "odd"\nname = "Odd"\n\n[clocks]\naccess_s = "soon"\n', encoding="utf-8")
    shown = run("providers", "check", str(path))
    assert shown.code == 1
    assert f"problem: {path}:6: clocks.access_s must be a whole number" in shown.out


def test_a_file_that_is_not_there_is_wrong_use(run: Run) -> None:
    assert run("providers", "check", "nowhere.toml").code == 2


@pytest.mark.parametrize("provider_id", SHIPPED)
def test_every_shipped_file_can_be_shown(run: Run, provider_id: str) -> None:
    shown = run("providers", "check", str(BUILT_IN / f"{provider_id}.toml"))
    assert shown.code == 0
    assert "s3cret" not in shown.out


def test_key_connections_are_listed_as_what_they_are(run: Run) -> None:
    (twilio,) = (line for line in run("providers").lines if line.startswith("twilio "))
    assert twilio.endswith("Twilio: not connected by consent, only its answers are understood")
