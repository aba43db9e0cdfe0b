"""Sealing of secrets at rest (AES-256-GCM, several keys, bound to their place) and signing of what we hand out.

Threat model: whoever reads the database, its backups, Redis or the logs must learn no token, and whoever can write the
database must not be able to move one person's token to another row. Hence authenticated encryption whose associated
data names the row and column, and a key id in front so that keys can change while the portal runs.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
KEY_BYTES = 32
MASK = "•••"


class SealBroken(Exception):
    """A sealed value could not be opened: altered, moved to another row, or sealed under a key we do not have."""


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Text that must not be seen: it prints as •••, and only `reveal()` gives it out."""

    _text: str

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)


@dataclass(frozen=True, slots=True, repr=False)
class Sealed:
    """A secret as it is stored: key id, nonce and ciphertext."""

    raw: bytes

    def __repr__(self) -> str:
        return MASK

    @property
    def key_id(self) -> str:
        return self.raw.partition(b":")[0].decode("ascii", "replace")


class Keyring:
    """The keys that seal and open stored secrets; the first seals, all open."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        self.first_id = keys[0][0]

    def seal(self, secret: Secret, context: str) -> Sealed:
        """Seal under the first key; `context` names the place (`grant:<id>:access`) and is needed to open it again."""
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = self._ciphers[self.first_id].encrypt(nonce, secret.reveal().encode(), context.encode())
        return Sealed(self.first_id.encode("ascii") + b":" + nonce + ciphertext)

    def open(self, sealed: Sealed, context: str) -> Secret:
        """The secret sealed for `context`; raises SealBroken when it is not exactly that."""
        key_id, _, rest = sealed.raw.partition(b":")
        cipher = self._ciphers.get(key_id.decode("ascii", "replace"))
        if cipher is None:
            raise SealBroken(f"no key with the id {sealed.key_id!r}")
        try:
            return Secret(cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], context.encode()).decode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken("altered, or moved from another place") from error


class Signer:
    """HMAC-SHA256 signatures under keys derived from the portal's secret key, one key for each purpose."""

    def __init__(self, secret_key: Secret) -> None:
        self._root = secret_key.reveal().encode()

    def sign(self, purpose: str, *parts: str) -> bytes:
        """32 bytes over the parts; no two different lists of parts ever sign alike."""
        key = hmac.digest(self._root, b"reconsent:" + purpose.encode(), "sha256")
        message = b"".join(f"{len(part.encode())}:".encode() + part.encode() for part in parts)
        return hmac.digest(key, message, "sha256")

    def is_signed(self, signature: bytes, purpose: str, *parts: str) -> bool:
        return hmac.compare_digest(signature, self.sign(purpose, *parts))


def digest(token: str) -> bytes:
    """SHA-256 of a token with at least 128 random bits: nothing slower is needed to store such a token safely."""
    return hashlib.sha256(token.encode()).digest()


def random_token(size: int = 32) -> str:
    """A fresh URL-safe token of `size` random bytes."""
    return to_base64url(os.urandom(size))


def to_base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """The bytes behind base64url text; raises ValueError for anything that is not exactly its canonical form."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if to_base64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
