"""Key files of server-to-server connections: what each kind must hold, how strong, until when, and who hears of it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LARGEST_FILE = 64 * 1024  # a key with a whole chain of certificates takes a tenth of it
LONGEST_PASSPHRASE = 1_000
LEAST_RSA_BITS = 2048  # NIST SP 800-131A: less is disallowed for signatures
WARN_DAYS = (60, 30, 7)
LATEST = 253_402_300_800  # the year 10,000, beyond which no moment can be named

NOT_TEXT = "This file is not text. Turn it into PEM first, for example with `openssl pkcs12 -in key.p12 -nodes`."
NO_KEY = "There is no key in this file. Choose the file that begins with “-----BEGIN PRIVATE KEY-----”."
PUBLIC = "This is a public key. Choose the file with the private key that belongs to it."
CERTIFICATE_ALONE = "This file holds a certificate and no private key. Choose one with both, or the private key alone."
SEVERAL = "This file holds more than one private key. Choose one with a single key."
OPENSSH = "This is a key for SSH. Turn it into PEM first, with `ssh-keygen -p -m PEM -f key`."
PROTECTED = "This key is protected. Enter its passphrase."
WRONG_PASSPHRASE = "The key does not open with this passphrase."  # noqa: S105 - words about one
DAMAGED = "This key cannot be read: the file is damaged or cut short."
WRONG_TYPE = "This kind of key is not taken here. It must be an RSA key of 2048 bits or more, or an EC key."
TOO_LARGE = "This RSA key is too large: it may have {most} bits at most."
TOO_COSTLY = "Opening this key takes too much work. Save it anew with `openssl pkcs8 -topk8 -in key.pem -out new.pem`."
NOT_TAKEN = "{name} does not take this kind of key: it wants {wanted}."
WEAK = "This RSA key has {bits} bits. It must have at least 2048: make a new one."
OTHER_CERTIFICATE = "The certificate in this file belongs to another key."
EXPIRED = "This key has ended on {day}. Make a new one at the provider."
NOT_JSON = "This is not the JSON file of a service account. Download it from Google Cloud, under the account’s keys."
NOT_SERVICE_ACCOUNT = "This JSON file is not a service account’s: its type must be “service_account”."
INCOMPLETE = "This service account’s file is not complete: {field} is missing."
OTHER_ADDRESS = "This file is for another token address than {name}’s. Download it again from Google Cloud."
NOT_JWT = "This is not a JWT credential: three parts, separated by dots, as {name}’s console shows it once."


class KeyFileRefused(Exception):
    """A key file that cannot be used: `field` is the entry to put right, the words say how."""

    def __init__(self, words: str, *, field: str = "key_file") -> None:
        super().__init__(words)
        self.words = words
        self.field = field


class EndSource(StrEnum):
    """Who says when a key ends."""

    CERTIFICATE = "certificate"
    TOKEN = "jwt"  # noqa: S105 - the kind of key it stands in
    ENTERED = "entered"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """What Google's file says beside the key itself, which is PEM."""

    client_email: str
    key_id: str
    pem: str


def family_words(algorithms: tuple[str, ...]) -> str:
    """Which keys these algorithms are for, in words: "an RSA key", "an EC key (P-256)"."""
    curves = [curve for word, curve in CURVES.items() if word in algorithms]
    parts = ["an RSA key"] if any(word[:2] in {"RS", "PS"} for word in algorithms) else []
    return " or ".join([*parts, *([f"an EC key ({', '.join(curves)})"] if curves else [])])


CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def algorithm_for(algorithms: tuple[str, ...], *, curve: str | None) -> str | None:
    """The first of the algorithms that a key can sign with: an RSA key where `curve` is None; None where none fits."""
    fits = (word for word in algorithms if (CURVES.get(word) == curve if curve else word[:2] in {"RS", "PS"}))
    return next(fits, None)


def service_account_in(text: str, *, token_address: str, name: str) -> ServiceAccount:
    """Google's service account file, checked; raises KeyFileRefused. It must be for the token address we call."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise KeyFileRefused(NOT_JSON) from None
    if not isinstance(document, dict):
        raise KeyFileRefused(NOT_JSON)
    if document.get("type") != "service_account":
        raise KeyFileRefused(NOT_SERVICE_ACCOUNT)
    found = {field: document.get(field) for field in ("client_email", "private_key", "private_key_id")}
    for field, value in found.items():
        if not isinstance(value, str) or not value.strip() or len(value) > LARGEST_FILE:
            raise KeyFileRefused(INCOMPLETE.format(field=field))
    if document.get("token_uri") != token_address:
        raise KeyFileRefused(OTHER_ADDRESS.format(name=name))
    email, key_id = str(found["client_email"]), str(found["private_key_id"])
    if not email.isprintable() or len(email) > 255 or len(key_id) > 255:
        raise KeyFileRefused(INCOMPLETE.format(field="client_email"))
    return ServiceAccount(email, key_id, str(found["private_key"]))


def claims_of_jwt(text: str, *, name: str) -> Mapping[str, object]:
    """The claims of a ready-made JWT, read without belief: its provider verifies it; raises KeyFileRefused."""
    parts = text.split(".")
    try:
        header, claims = (
            json.loads(base64.b64decode(_padded(part), altchars=b"-_", validate=True)) for part in parts[:2]
        )
    except (ValueError, RecursionError):
        raise KeyFileRefused(NOT_JWT.format(name=name)) from None
    if len(parts) != 3 or not parts[2] or not isinstance(header, dict) or not isinstance(claims, dict):
        raise KeyFileRefused(NOT_JWT.format(name=name))
    return claims


def _padded(part: str) -> str:
    return part + "=" * (-len(part) % 4)


def end_of_jwt(claims: Mapping[str, object]) -> datetime | None:
    """When a ready-made JWT ends; None where it never does."""
    exp = claims.get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not 0 < exp < LATEST:
        return None
    return datetime.fromtimestamp(float(exp), UTC)


def refuse_ended(ends_at: datetime | None, *, now: datetime) -> None:
    """Raises KeyFileRefused for a key whose end has passed."""
    if ends_at is not None and ends_at <= now:
        raise KeyFileRefused(EXPIRED.format(day=f"{ends_at.day} {ends_at:%B %Y}"))


def warning_due(ends_at: datetime | None, *, now: datetime) -> int | None:
    """The warning that holds now (60, 30 or 7 days before the key's end); None before the first and after the end."""
    if ends_at is None or ends_at <= now:
        return None
    return min((days for days in WARN_DAYS if ends_at - now <= timedelta(days=days)), default=None)
