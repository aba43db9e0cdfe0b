"""Reading the key files that admins upload: what is in them, whether it can sign, and until when it does.

Nothing of a file's content is ever repeated in a refusal: whoever reads over a shoulder or a log must not learn a key.
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from subprocess import DEVNULL, PIPE
from threading import Lock
from typing import cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from portal.adapters import key_opening
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import KeyFormat
from portal.rules import service_keys as rules
from portal.rules.service_keys import EndSource, KeyFileRefused

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{3,40})-----.+?-----END \1-----", re.DOTALL)
CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
OPEN = (sys.executable, "-P", key_opening.__file__)
CREDENTIAL = re.compile(r"[A-Za-z0-9_.-]{20,}")

SigningKey = RSAPrivateKey | EllipticCurvePrivateKey

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key that can be used: the secret (PKCS #8 PEM, or a ready-made JWT) and what people may know of it.

    `algorithm` and `key_id` are empty for a ready-made JWT; `owner` is whom the file itself names; `ends_at` is None
    where the file states no end.
    """

    secret: Secret
    fingerprint: str
    algorithm: str = ""
    key_id: str = ""
    owner: str = ""
    ends_at: datetime | None = None
    end_source: EndSource | None = None


def read(content: bytes, passphrase: Secret, provider: Provider, app: ProviderApp, *, now: datetime) -> KeyFile:
    """The key in an uploaded file, as the provider's file wants it; raises KeyFileRefused with words for its admin."""
    text = _text(content)
    match provider.assertion.key:
        case KeyFormat.JWT:
            return _ready_made(text.strip(), provider, now)
        case KeyFormat.GOOGLE:
            address = app.expand(provider.token.url)
            account = rules.service_account_in(text, token_address=address, name=provider.name)
            found = _signing(account.pem, Secret(""), provider, now)
            return KeyFile(found.secret, found.fingerprint, found.algorithm, account.key_id, account.client_email)
        case KeyFormat.PEM:
            return _signing(text, passphrase, provider, now)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except ValueError:
        raise KeyFileRefused(rules.NOT_TEXT) from None


def _ready_made(text: str, provider: Provider, now: datetime) -> KeyFile:
    if not CREDENTIAL.fullmatch(text):
        raise KeyFileRefused(rules.NOT_JWT.format(name=provider.name))
    ends_at = rules.end_of_jwt(rules.claims_of_jwt(text, name=provider.name))
    rules.refuse_ended(ends_at, now=now)
    return KeyFile(
        Secret(text), fingerprint(text.encode()), ends_at=ends_at, end_source=EndSource.TOKEN if ends_at else None
    )


def _signing(text: str, passphrase: Secret, provider: Provider, now: datetime) -> KeyFile:
    blocks = [(found[1], found[0]) for found in BLOCK.finditer(text)]
    key = _opened(_private(blocks), passphrase)
    algorithm = _algorithm(key, provider)
    ends_at = _end_of_certificate(blocks, key)
    rules.refuse_ended(ends_at, now=now)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    end_source = EndSource.CERTIFICATE if ends_at else None
    return KeyFile(Secret(pem.decode()), fingerprint(public), algorithm, ends_at=ends_at, end_source=end_source)


def _private(blocks: list[tuple[str, str]]) -> str:
    """The one private key among the blocks of a PEM file."""
    private = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    labels = {label for label, _ in blocks}
    if "OPENSSH PRIVATE KEY" in labels:
        raise KeyFileRefused(rules.OPENSSH)
    if len(private) > 1:
        raise KeyFileRefused(rules.SEVERAL)
    if private:
        return private[0]
    if any(label.endswith("PUBLIC KEY") for label in labels):
        raise KeyFileRefused(rules.PUBLIC)
    raise KeyFileRefused(rules.CERTIFICATE_ALONE if "CERTIFICATE" in labels else rules.NO_KEY)


def _opened(pem: str, passphrase: Secret) -> SigningKey:
    is_protected = "ENCRYPTED" in pem.partition("\n\n")[0]  # in the label (PKCS #8), or in the header (older files)
    if is_protected and not passphrase:
        raise KeyFileRefused(rules.PROTECTED, field="passphrase")
    asked = json.dumps([pem, passphrase.reveal() if is_protected else None])
    with _one_at_a_time:
        opened = subprocess.run(OPEN, input=asked.encode(), stdout=PIPE, stderr=DEVNULL, check=False)  # noqa: S603
    match opened.returncode:
        case key_opening.OPENED:
            return cast(SigningKey, load_pem_private_key(opened.stdout, None, unsafe_skip_rsa_key_validation=True))
        case key_opening.CLOSED if is_protected:
            raise KeyFileRefused(rules.WRONG_PASSPHRASE, field="passphrase")
        case key_opening.CLOSED:
            raise KeyFileRefused(rules.DAMAGED)
        case key_opening.WRONG_TYPE:
            raise KeyFileRefused(rules.WRONG_TYPE)
        case key_opening.TOO_LARGE:
            raise KeyFileRefused(rules.TOO_LARGE.format(most=key_opening.MOST_RSA_BITS))
        case _:  # it was ended by its limits
            raise KeyFileRefused(rules.TOO_COSTLY)


def _algorithm(key: SigningKey, provider: Provider) -> str:
    if isinstance(key, RSAPrivateKey) and key.key_size < rules.LEAST_RSA_BITS:
        raise KeyFileRefused(rules.WEAK.format(bits=key.key_size))
    curve = None if isinstance(key, RSAPrivateKey) else CURVE_NAMES.get(key.curve.name, "another")
    allowed = tuple(word.value for word in provider.assertion.algorithms)
    algorithm = rules.algorithm_for(allowed, curve=curve)
    if algorithm is None:
        raise KeyFileRefused(rules.NOT_TAKEN.format(name=provider.name, wanted=rules.family_words(allowed)))
    return algorithm


def _end_of_certificate(blocks: list[tuple[str, str]], key: SigningKey) -> datetime | None:
    """The end of the first certificate beside the key, which must be the key's own; None where there is none."""
    found = next((text for label, text in blocks if label == "CERTIFICATE"), None)
    if found is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(found.encode())
        is_own = certificate.public_key() == key.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileRefused(rules.DAMAGED) from None
    if not is_own:
        raise KeyFileRefused(rules.OTHER_CERTIFICATE)
    return certificate.not_valid_after_utc


def fingerprint(public: bytes) -> str:
    """What a key is recognized by, as OpenSSH writes it: SHA-256 over its public part (or the whole ready-made JWT)."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public).digest()).decode("ascii").rstrip("=")
