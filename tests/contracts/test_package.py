"""What `pip install .` brings: everything the portal needs, wherever it is started."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from tests.contracts.repository import ROOT, tracked_files

SHIPPED = ("portal", "jobs", "wsgi.py")
BY_THE_YEAR = {"certifi", "cryptography", "idna", "structlog", "tzdata"}
"""Libraries whose first number says nothing about what breaks, and of which we use nothing that ever changed."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    clone, out = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("wheel")
    for path in tracked_files():
        target = clone / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    build = "import sys, setuptools.build_meta as backend; print(backend.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(out)], cwd=clone, check=True, capture_output=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_package_holds_every_file_of_the_product(wheel):
    paths = {path.relative_to(ROOT) for path in tracked_files()}
    shipped = {path.as_posix() for path in paths if path.parts[0] in SHIPPED}
    assert sorted(shipped - set(wheel.namelist())) == []


def test_the_package_holds_nothing_else(wheel):
    strangers = {name.split("/")[0] for name in wheel.namelist()} - set(SHIPPED)
    assert [name for name in strangers if not name.endswith(".dist-info")] == []


def test_the_package_gives_the_portal_command(wheel):
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "portal = portal.cli:main" in wheel.read(entry_points).decode()


def test_no_next_major_of_a_library_comes_in_unseen():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    uncapped = {re.split(r"[\[<>=]", line)[0] for line in wanted if "<" not in line}
    assert uncapped == BY_THE_YEAR
