"""Where a demo listens and keeps its things, and what is said when that cannot be."""

import socket
from pathlib import Path

import pytest

from portal.demo.setting import hold, read_setting


@pytest.mark.parametrize("port", ["abc", "0", "-1", "70000", "8000.5", "²"])
def test_a_port_that_is_none_is_told(port: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="PORT must be a number"):
        read_setting({"PORT": port, "PORTAL_DATA_DIR": str(tmp_path)})


def test_a_port_in_use_is_told_with_one_to_try(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ValueError, match=r"in use.*make demo"):
            read_setting({"PORT": str(taken.getsockname()[1]), "PORTAL_DATA_DIR": str(tmp_path)})


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="PORTAL_DATA_DIR cannot be made"):
        read_setting({"PORT": str(_free_port()), "PORTAL_DATA_DIR": str(tmp_path / "file" / "below")})


def test_a_new_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    setting = read_setting({"PORT": str(_free_port()), "PORTAL_DATA_DIR": str(tmp_path / "new")})
    assert setting.data_dir.stat().st_mode & 0o777 == 0o700


def test_a_demo_keeps_the_providers_it_is_given_and_nothing_else_of_another_portal(tmp_path: Path) -> None:
    setting = read_setting({"PORT": str(_free_port()), "PORTAL_DATA_DIR": str(tmp_path)})
    given = {
        "PATH": "/bin",
        "PORTAL_DATABASE_URL": "postgresql+psycopg://production",
        "PORTAL_TOKEN_KEYS_FILE": "/run/keys",
        "PORTAL_ALLOWED_PRIVATE_HOSTS": "127.0.0.1:9999",
        "PORTAL_PROVIDERS_DIR": "/srv/providers",
        "PORTAL_PROVIDER_ACME_CLIENT_ID": "acme",
        "PORTAL_PROVIDER_DEMO_VIDEO_CLIENT_SECRET_FILE": "/run/elsewhere",
    }
    told = setting.environ(given)
    own = setting.environ({})
    assert told.pop("PORTAL_ALLOWED_PRIVATE_HOSTS") == f"{own.pop('PORTAL_ALLOWED_PRIVATE_HOSTS')},127.0.0.1:9999"
    assert told == own | {
        "PATH": "/bin",
        "PORTAL_PROVIDERS_DIR": "/srv/providers",
        "PORTAL_PROVIDER_ACME_CLIENT_ID": "acme",
    }


def test_a_folder_holds_one_demo_at_a_time(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(ValueError, match=r"A demo runs in .* already"):
        hold(tmp_path)
    hold(tmp_path).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(int(probe.getsockname()[1]), 65_533)
