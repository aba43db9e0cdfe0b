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


def test_a_folder_holds_one_demo_at_a_time(tmp_path: Path) -> None:
    with hold(tmp_path), pytest.raises(ValueError, match=r"A demo runs in .* already"):
        hold(tmp_path)
    hold(tmp_path).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return min(int(probe.getsockname()[1]), 65_533)
