from pathlib import Path

from tests.cli.conftest import Run


def test_it_says_what_is_configured_and_what_is_missing(run: Run) -> None:
    shown = run("providers")
    assert shown.code == 0
    assert "demo-social" in shown.out
    (linkedin,) = (line for line in shown.lines if line.startswith("linkedin "))
    assert "missing: PORTAL_PROVIDER_LINKEDIN_CLIENT_ID, PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET" in linkedin
    (social,) = (line for line in shown.lines if line.startswith("demo-social "))
    assert social.endswith(": configured")
    assert shown.lines[-1].endswith("2 that people can connect, 0 to put right.")


def test_half_a_configuration_names_the_other_half(run: Run) -> None:
    shown = run("providers", PORTAL_PROVIDER_LINKEDIN_CLIENT_ID="x")
    assert "missing: PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET" in shown.out
    assert "problem: environment: PORTAL_PROVIDER_LINKEDIN_CLIENT_SECRET is not set" in shown.out


def test_no_secret_is_printed(run: Run) -> None:
    assert "demo-social-secret" not in run("providers").out


def test_a_broken_file_is_named_by_its_line(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "odd.toml").write_text('schema = 1\nid = "odd"\nname = "Odd"\n\n[clocks]\naccess_s = "soon"\n')
    shown = run("providers", PORTAL_PROVIDERS_DIR=str(folder))
    assert f"problem: {folder / 'odd.toml'}:6:" in shown.out
