"""A folder as a mailbox: each mail a file, for a portal that has no mail server (demo, development, tests)."""

import os
import secrets
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

SUFFIX = ".eml"


def drop(folder: Path, raw: bytes) -> Path:
    """Put a mail into the folder under a name that sorts by arrival; readers never see half of one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{time.time_ns():020}-{secrets.token_hex(4)}{SUFFIX}"
    draft = path.with_suffix(".part")
    draft.write_bytes(raw)
    draft.replace(path)
    return path


def arrived(folder: Path) -> Iterator[Path]:
    """The mails in the folder, newest first."""
    names = sorted((entry.name for entry in os.scandir(folder)), reverse=True) if folder.is_dir() else []
    return (folder / name for name in names if name.endswith(SUFFIX))


def read(path: Path) -> EmailMessage:
    """One mail, parsed."""
    return message_from_bytes(path.read_bytes(), policy=policy.default)


class MailboxCarrier:
    """Carries mails into the folder the way a connection carries them to a server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def announce(self, sender: str, recipient: str) -> None:
        """Nothing is said before a mail goes into a folder: it takes every mail."""

    def hand_over(self, raw: bytes) -> None:
        """Drop the mail."""
        drop(self._folder, raw)
