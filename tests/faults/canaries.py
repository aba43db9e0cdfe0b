"""Secrets that can be recognized anywhere: what to look for, and looking for it in files of any kind."""

import base64
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus
from uuid import uuid4

CORE = 12  # characters of a token that are enough to know it by


def new(kind: str) -> str:
    """A token as providers make them, with characters that are written differently in every encoding."""
    return f"{kind}-{uuid4().hex}~/+={uuid4().hex}"


def shapes(secret: str) -> Iterator[bytes]:
    """The ways in which a secret may have been written down, by somebody who never meant to."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    yield secret.replace("/", "\\/").encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield secret.encode("utf-16-le")
    yield from (alphabet(raw) for alphabet in (_in_base64, _in_base64url))


def of_binary(raw: bytes) -> Iterator[bytes]:
    """The same for a secret that is bytes."""
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")
    yield base64.urlsafe_b64encode(raw).rstrip(b"=")


def found_in(files: Iterable[Path], needles: Iterable[bytes]) -> list[str]:
    """Where anything of it stands: `file: what`."""
    wanted = re.compile(b"|".join(map(re.escape, set(needles))))
    return [f"{path}: {hit[0]!r}" for path in files if path.is_file() for hit in wanted.finditer(path.read_bytes())]


def _in_base64(raw: bytes) -> bytes:
    return base64.b64encode(raw)
