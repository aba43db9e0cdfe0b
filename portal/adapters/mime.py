"""An e-mail's bytes, written down directly: building an `EmailMessage` for each costs forty times as much.

What makes that safe: every header is checked for line breaks before it is written, both bodies are quoted-printable
(lines of at most 76 characters, whatever the text), and the boundary cannot occur in quoted-printable text.
"""

import binascii
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, formataddr

ENCODED_WORD_BYTES = 39  # 52 characters in base64: with "Subject: " before it still a line of at most 76
LINE_OCTETS = 900  # servers refuse lines of more than 998 (RFC 5321 section 4.5.3.1.6)
BOUNDARY = "=_reconsent_=_alternative_=_"  # "=_" is nothing that quoted-printable text can hold (RFC 2045 section 6.7)
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class BadHeader(ValueError):
    """A header's text would have broken out of its header."""


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """One e-mail to one person, ready to be written down. Its texts hold a login link: it does not print."""

    message_id: str
    sender: tuple[str, str]  # name, address
    recipient: tuple[str, str]
    subject: str
    text: str
    html: str
    written_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)


def compose(letter: Letter) -> bytes:
    """The letter as multipart/alternative with CRLF lines; raises BadHeader rather than let one header become two."""
    headers = {
        "From": _address(letter.sender),
        "To": _address(letter.recipient),
        "Subject": _encoded(letter.subject),
        "Date": format_datetime(letter.written_at),
        "Message-ID": letter.message_id,
        "MIME-Version": "1.0",
        "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
        **letter.headers,
    }
    lines = [*(_header(name, value) for name, value in headers.items()), ""]
    lines += [*_part("plain", letter.text), *_part("html", letter.html), f"--{BOUNDARY}--", ""]
    return "\r\n".join(lines).encode("utf-8")


def one_line(text: str) -> str:
    """A text for a header: on one line, without anything invisible."""
    return " ".join(_BREAKS.sub(" ", text).split())


def list_header(entries: list[str]) -> str:
    """Entries separated by commas, folded only where a line would become too long for servers."""
    lines = [""]
    for entry in entries:
        if lines[-1] and len(lines[-1]) + len(entry) > LINE_OCTETS:
            lines.append("")
        lines[-1] += f", {entry}" if lines[-1] else entry
    return ",\r\n ".join(lines)


def _header(name: str, value: str) -> str:
    unfolded = value.replace("\r\n ", " ")  # the one legal break, which a blank must follow (RFC 5322 section 2.2.3)
    if not _HEADER_NAME.fullmatch(name) or _BREAKS.search(unfolded):
        raise BadHeader(name)
    return f"{name}: {value}"


def _part(subtype: str, text: str) -> list[str]:
    return [
        f"--{BOUNDARY}",
        f"Content-Type: text/{subtype}; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        _quoted_printable(text),
    ]


def _quoted_printable(text: str) -> str:
    """Ends in a line break: the encoder breaks lines the way the first line of the text ends."""
    lines = (text if text.endswith("\n") else f"{text}\n").replace("\r\n", "\n").replace("\r", "\n")
    return binascii.b2a_qp(lines.replace("\n", "\r\n").encode("utf-8"), istext=True).decode("ascii")


def _encoded(text: str) -> str:
    """A header's text as it is, or in encoded words (RFC 2047 section 2: 75 characters at most, none cut in two)."""
    if text.isascii():
        return text
    words, word = [], b""
    for character in text:
        letter = character.encode("utf-8")
        if len(word) + len(letter) > ENCODED_WORD_BYTES:
            words.append(word)
            word = b""
        word += letter
    return "\r\n ".join(f"=?utf-8?b?{b64encode(part).decode()}?=" for part in [*words, word])


def _address(person: tuple[str, str]) -> str:
    name, address = person
    if _BREAKS.search(name) or _BREAKS.search(address):
        raise BadHeader("address")
    if name.isascii() and address.isascii():
        return formataddr((name, address))
    return f"{_encoded(name)} <{address}>" if name else address
