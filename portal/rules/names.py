"""Names that people type: checked, trimmed and brought into the one form that is stored."""

import re
import unicodedata

from portal.rules.problems import InvalidRequest

NICKNAME_MAX = 60
PERSON_NAME_MAX = 100
ORGANIZATION_NAME_MAX = 100
API_KEY_NAME_MAX = 60
TEAM_NAME_MAX = 60
WEBHOOK_DESCRIPTION_MAX = 100
EMAIL_MAX = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets
SLUG_MAX = 48

_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LABEL = r"[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?"
_TOP_LABEL = r"[^\W\d_](?:[^\W_]|-){0,61}[^\W_]"
_ATOM = r"[^\s@<>()\[\],;:\\\".]+"
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_TOP_LABEL}")


def clean_nickname(text: str) -> str:
    """A connection's nickname: 1 to 60 printable characters; raises InvalidRequest about `nickname`."""
    return _clean(text, field="nickname", longest=NICKNAME_MAX)


def clean_person_name(text: str) -> str:
    """A person's name: 1 to 100 printable characters; raises InvalidRequest about `name`."""
    return _clean(text, field="name", longest=PERSON_NAME_MAX)


def clean_organization_name(text: str) -> str:
    """An organization's name: 1 to 100 printable characters; raises InvalidRequest about `name`."""
    return _clean(text, field="name", longest=ORGANIZATION_NAME_MAX)


def clean_team_name(text: str) -> str:
    """A team's name: 1 to 60 printable characters; raises InvalidRequest about `team`."""
    return _clean(text, field="team", longest=TEAM_NAME_MAX)


def clean_api_key_name(text: str) -> str:
    """An API key's name: 1 to 60 printable characters; raises InvalidRequest about `name`."""
    return _clean(text, field="name", longest=API_KEY_NAME_MAX)


def clean_webhook_description(text: str) -> str:
    """What a webhook endpoint is for: at most 100 printable characters, or none; raises InvalidRequest about it."""
    return _clean(text, field="description", longest=WEBHOOK_DESCRIPTION_MAX) if text.strip() else ""


def clean_email(text: str, *, field: str = "email") -> str:
    """An e-mail address in the form that is stored and compared; raises InvalidRequest about the field."""
    address = normalize_email(text)
    if len(address) > EMAIL_MAX or not _EMAIL.fullmatch(address) or not _is_printable(address):
        raise InvalidRequest({field: "Enter an e-mail address, such as ana@example.com."})
    return address


def normalize_email(text: str) -> str:
    """The form in which addresses are compared: trimmed, composed (NFC) and lower-case on both sides of the @.

    Servers may tell apart capital letters before the @ (RFC 5321 section 2.4); nobody's do, and people type both.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text.strip()).lower())


def slug_of(name: str) -> str:
    """The word that names an organization in commands: a-z, 0-9 and single hyphens, at most 48 of them, never empty."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_MAX].rstrip("-") or "organization"


def _clean(text: str, *, field: str, longest: int) -> str:
    cleaned = unicodedata.normalize("NFC", text).strip()
    if not cleaned:
        raise InvalidRequest({field: "Enter a name."})
    if len(cleaned) > longest:
        raise InvalidRequest({field: f"Use at most {longest} characters."})
    if not _is_printable(cleaned):
        raise InvalidRequest({field: "Leave out line breaks and other invisible characters."})
    return cleaned


def _is_printable(text: str) -> bool:
    if text.isprintable():  # Python's own answer is quicker, and stricter than ours
        return True
    return not any(unicodedata.category(character) in _UNPRINTABLE or character in _BIDI for character in text)
