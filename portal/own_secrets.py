"""Keys the portal makes for itself where the operator need not give any: demo, development and test."""

import os
import tempfile
from pathlib import Path

from portal.crypto import KEY_BYTES, Secret, from_base64url, random_token


def own_secret_key(data_dir: Path) -> Secret:
    """The data folder's own secret key, made at first use."""
    return Secret(_kept(data_dir / "secret-key"))


def own_token_keys(data_dir: Path) -> tuple[tuple[str, bytes], ...]:
    """The data folder's own sealing key, made at first use."""
    return (("local", from_base64url(_kept(data_dir / "token-key"))),)


def _kept(path: Path) -> str:
    if not path.exists():
        _make(path)
    return path.read_text(encoding="ascii").strip()


def _make(path: Path) -> None:
    """Several processes may start at once: the first link wins, and nobody ever reads half a key."""
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(random_token(KEY_BYTES))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
