"""The keys: the operator's, checked, or the data folder's own where none need be given (everywhere but in production).

What was plainly typed by hand, or copied from somewhere, is refused in production alone. The folder's keys are made at
first use and kept, so that what was sealed and signed yesterday still opens today.
"""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from portal.crypto import KEY_BYTES, Secret, from_base64url, random_token
from portal.variables import Variables

T = TypeVar("T")
TokenKeys = tuple[tuple[str, bytes], ...]

MIN_SECRET_BYTES = 32
MIN_DIFFERENT = 8  # of so many random bytes fewer than that are alike only where a person typed them
NO_SECRET = Secret("")
NO_KEYS: TokenKeys = ()
KNOWN_SAMPLES = (
    "change-me",
    "changeme",
    "change_me",
    "replace-with",
    "your-secret",
    "secret-key",
    "secretkey",
    "example",
    "password",
)


def secret_key(given: Variables, data_dir: Path, *, is_required: bool) -> Secret:
    """What signs cookies and login links."""
    text = given.text("PORTAL_SECRET_KEY")
    if not text and not is_required:
        return _own(given, lambda: Secret(_kept(data_dir / "secret-key")), NO_SECRET)
    if len(text.encode()) < MIN_SECRET_BYTES:
        given.wrong(f"PORTAL_SECRET_KEY must be at least {MIN_SECRET_BYTES} bytes of your own random text")
    elif is_required and (len(set(text)) < MIN_DIFFERENT or any(one in text.lower() for one in KNOWN_SAMPLES)):
        given.wrong("PORTAL_SECRET_KEY is a known sample: make your own, for example with `openssl rand -hex 32`")
    return Secret(text)


def token_keys(given: Variables, data_dir: Path, *, is_required: bool) -> TokenKeys:
    """What seals tokens at rest: ids and 32 bytes each; the first seals, all open."""
    text = given.text("PORTAL_TOKEN_KEYS")
    if not text and not is_required:
        return _own(given, lambda: (("local", from_base64url(_kept(data_dir / "token-key"))),), NO_KEYS)
    keys = [_token_key(given, entry.strip(), is_random=is_required) for entry in text.split(",") if entry.strip()]
    if not keys:
        given.wrong("PORTAL_TOKEN_KEYS must hold at least one key, written `id:base64url-of-32-bytes`")
    if len({key_id for key_id, _ in keys}) < len(keys):
        given.wrong("PORTAL_TOKEN_KEYS names one key id twice: every key needs an id of its own")
    return tuple(keys)


def _token_key(given: Variables, entry: str, *, is_random: bool) -> tuple[str, bytes]:
    key_id, _, encoded = entry.partition(":")
    try:
        key = from_base64url(encoded.rstrip("="))
    except ValueError:
        key = b""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,32}", key_id) or len(key) != KEY_BYTES:
        given.wrong("PORTAL_TOKEN_KEYS holds an entry that is not `id:base64url-of-32-bytes`")
    elif is_random and len(set(key)) < MIN_DIFFERENT:
        given.wrong("PORTAL_TOKEN_KEYS holds an entry that is not `id:base64url-of-32-random-bytes`")
    return key_id, key


def _own(given: Variables, take: Callable[[], T], nothing: T) -> T:
    """What the data folder keeps; nothing is made where something else is wrong already."""
    if given.problems:
        return nothing
    try:
        return take()
    except (OSError, ValueError) as error:
        given.wrong(f"PORTAL_DATA_DIR holds a key file that cannot be used ({type(error).__name__})")
        return nothing


def _kept(path: Path) -> str:
    """The key in this file, made if there is none; ValueError for a damaged one, which must not be used as it is."""
    if not path.exists():
        _make(path)
    text = path.read_text(encoding="ascii").strip()
    if len(from_base64url(text)) != KEY_BYTES:
        raise ValueError("not a key")
    return text


def _make(path: Path) -> None:
    """Several processes may start at once: the first link wins, and nobody ever reads half a key."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(random_token(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
