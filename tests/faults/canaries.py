"""Secrets that can be recognized anywhere, and looking for them in files of any kind.

A secret has a core: a run of characters nobody else writes, and which URLs, JSON and quoting leave as they are.
"""

import base64
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

CORE = 20  # characters; less than any log would shorten a token to
FOUND_OR_NOT = (0, 1)  # what grep ends with unless it could not read something
CUT_OFF = (0, 2, 3)  # leading base64 characters that depend on what stands before, by its length modulo 3


def new(kind: str) -> str:
    """A token as providers make them, with characters in it that every encoding writes differently."""
    return f"{kind}-{uuid4().hex}~/+={uuid4().hex}"


def shapes_of_text(secret: str) -> Iterator[bytes]:
    """The core of a secret text in every way somebody may have written it down without meaning to."""
    core = (re.search(r"[0-9a-f]{32}", secret) or re.search(r"[\w-]+$", secret) or [secret])[0][-CORE:]
    yield core.encode()
    yield core.encode("utf-16-le")
    yield from shapes_of_bytes(core.encode())


def shapes_of_bytes(core: bytes) -> Iterator[bytes]:
    """The same for a secret that is bytes: raw, in hexadecimal, and in base64 wherever it begins."""
    yield core
    yield core.hex().encode()
    yield core.hex().upper().encode()
    for before, cut_off in enumerate(CUT_OFF):
        whole = (before + len(core)) * 8 // 6
        padded = bytes(before) + core
        yield base64.b64encode(padded)[cut_off:whole]
        yield base64.urlsafe_b64encode(padded)[cut_off:whole]


def found_in(files: Iterable[Path], needles: Iterable[bytes]) -> list[str]:
    """Where anything of it stands: `file:byte:what`.

    grep looks for all of them in one go, which for a hundred thousand takes seconds and not hours.
    """
    paths, wanted = [path for path in files if path.is_file()], set(needles)
    in_lines = {needle for needle in wanted if b"\n" not in needle}
    with NamedTemporaryFile() as patterns:
        patterns.write(b"\n".join(in_lines))
        patterns.flush()
        command = ["grep", "-abHoF", "-f", patterns.name, "--", *map(str, paths)]
        grep = subprocess.run(command, env={"LC_ALL": "C"}, capture_output=True, check=False)
    assert grep.returncode in FOUND_OR_NOT, grep.stderr
    return [str(line) for line in grep.stdout.splitlines()] + [
        f"{path}: {needle!r}" for path in paths for needle in wanted - in_lines if needle in path.read_bytes()
    ]
