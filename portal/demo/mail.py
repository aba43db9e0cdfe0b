"""The demo's mailbox, read for its pages."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from portal.adapters import mailbox
from portal.rules.problems import NotFound

SHOWN = 100
NAME = re.compile(r"[0-9a-f-]{10,60}")
BASE = '<base target="_top">'


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail; `name` is its file's, without the ending."""

    name: str
    sender: str
    recipient: str
    subject: str
    kind: str
    sent_at: datetime | None
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]


def inbox(folder: Path, *, to: str = "") -> tuple[Mail, ...]:
    """The newest mails, of one recipient where `to` names one."""
    found: list[Mail] = []
    for path in mailbox.arrived(folder):
        mail = _mail(path)
        if to.lower() in mail.recipient.lower():
            found.append(mail)
        if len(found) == SHOWN:
            break
    return tuple(found)


def one(folder: Path, name: str) -> Mail:
    """One mail by name; raises NotFound."""
    path = folder / f"{name}{mailbox.SUFFIX}"
    if not NAME.fullmatch(name) or not path.is_file():
        raise NotFound
    return _mail(path)


def _mail(path: Path) -> Mail:
    message = mailbox.read(path)
    return Mail(
        name=path.stem,
        sender=str(message["From"]),
        recipient=str(message["To"]),
        subject=str(message["Subject"]),
        kind=str(message.get("X-Reconsent-Kind", "")),
        sent_at=parsedate_to_datetime(message["Date"]) if message["Date"] else None,
        text=_part(message, "plain"),
        html=_part(message, "html").replace("<head>", f"<head>{BASE}", 1),
        headers=tuple((name, str(value)) for name, value in message.items()),
    )


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body(preferencelist=(kind,))
    return str(body.get_content()) if body is not None else ""
