"""Key files that are made to take minutes to open: refused after a few seconds of a process of their own."""

import base64
from datetime import UTC, datetime

import pytest

from portal.adapters import key_files
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.catalog import load_catalog
from portal.rules.service_keys import KeyFileRefused

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GENERIC = load_catalog(None, {}).providers["jwt-bearer"]
LARGE_PRIME = 2**9941 - 1  # Mersenne's


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes([tag, *([0x80 + len(size)] if len(content) > 127 else []), *size]) + content


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def octets(length: int) -> bytes:
    return der(0x04, bytes(length))


def named(identifier: str) -> bytes:
    """An object identifier by its hexadecimal digits in DER."""
    return der(0x06, bytes.fromhex(identifier))


def locked(derivation: bytes) -> bytes:
    """A key locked by a passphrase that is to be derived like this (PBES2, RFC 8018)."""
    aes = sequence(named("60864801650304012a"), octets(16))
    return sequence(sequence(named("2a864886f70d01050d"), sequence(derivation, aes)), octets(64))


MANY_ROUNDS = locked(sequence(named("2a864886f70d01050c"), sequence(octets(8), integer(50_000_000))))
MUCH_MEMORY = locked(sequence(named("2b06010401da47040b"), sequence(octets(8), integer(2**20), integer(8), integer(1))))
DIFFIE_HELLMAN = sequence(
    integer(0),
    sequence(named("2a864886f70d010301"), sequence(integer(LARGE_PRIME), integer(2))),
    der(0x04, integer(5)),
)
LOPSIDED = sequence(*map(integer, (0, 15 * 2**2048 + 1, 65537, 17, LARGE_PRIME, 5, 3, 3, 3)))


@pytest.mark.parametrize(
    ("label", "content", "words"),
    [
        ("ENCRYPTED PRIVATE KEY", MANY_ROUNDS, "takes too much work"),
        ("ENCRYPTED PRIVATE KEY", MUCH_MEMORY, "takes too much work"),
        ("PRIVATE KEY", DIFFIE_HELLMAN, "takes too much work"),
        ("RSA PRIVATE KEY", LOPSIDED, "4096 bits at most"),
    ],
    ids=["many rounds", "much memory", "another kind's prime", "one large prime"],
)
def test_a_file_that_would_take_minutes_is_refused(label: str, content: bytes, words: str):
    pem = f"-----BEGIN {label}-----\n{base64.encodebytes(content).decode()}-----END {label}-----\n"
    with pytest.raises(KeyFileRefused, match=words):
        key_files.read(pem.encode(), Secret("open sesame"), GENERIC, ProviderApp(""), now=NOW)
