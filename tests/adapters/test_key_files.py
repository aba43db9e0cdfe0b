"""Key files as people really choose them: the right one, and every wrong one with the words that help."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portal.adapters import key_files
from portal.adapters.key_files import KeyFile
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.catalog import load_catalog
from portal.providers.schema import Provider
from portal.rules.service_keys import KeyFileRefused
from tests.key_provider import certificate, ec_key, pem, public_pem, rsa_key

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ENDS = datetime(2027, 1, 1, tzinfo=UTC)
RSA, EC = rsa_key(), ec_key()
CATALOG = load_catalog(None, {})
APP = ProviderApp("")
GENERIC, SALESFORCE, GOOGLE, READY = (
    CATALOG.providers[name] for name in ("jwt-bearer", "salesforce-jwt", "google-service", "ringcentral-jwt")
)
ACCOUNT = {
    "type": "service_account",
    "client_email": "sync@acme.iam.gserviceaccount.com",
    "private_key": pem(RSA).decode(),
    "private_key_id": "9f2c",
    "token_uri": "https://oauth2.googleapis.com/token",
}


def read(content: bytes, provider: Provider = GENERIC, passphrase: str = "") -> KeyFile:
    return key_files.read(content, Secret(passphrase), provider, APP, now=NOW)


def refusal(content: bytes, provider: Provider = GENERIC, passphrase: str = "") -> KeyFileRefused:
    with pytest.raises(KeyFileRefused) as refused:
        read(content, provider, passphrase)
    return refused.value


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (EC, "ES256"), (ec_key(ec.SECP384R1()), "ES384")])
def test_a_private_key_is_read_whatever_it_is_wrapped_in(key: Any, algorithm: str, form: PrivateFormat):
    found = read(b"\xef\xbb\xbfBag Attributes\r\n" + pem(key, form=form).replace(b"\n", b"\r\n"))
    assert (found.algorithm, found.ends_at) == (algorithm, None)
    assert found.secret.reveal().startswith("-----BEGIN PRIVATE KEY-----")
    assert found.fingerprint == read(pem(key)).fingerprint


def test_a_passphrase_opens_the_file_and_is_not_kept():
    found = read(pem(RSA, "open sesame"), passphrase="open sesame")
    assert found.secret.reveal() == read(pem(RSA)).secret.reveal()
    assert read(pem(RSA), passphrase="not needed").algorithm == "RS256"


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_missing_or_wrong_passphrase_is_told_at_its_field(form: PrivateFormat):
    locked = pem(RSA, "open sesame", form)
    assert refusal(locked).field == "passphrase"
    wrong = refusal(locked, passphrase="open barley")
    assert wrong.field == "passphrase"
    assert "barley" not in wrong.words


def test_the_end_is_its_own_certificates():
    assert read(pem(RSA) + certificate(RSA, ENDS)).ends_at == ENDS
    assert read(certificate(RSA, ENDS) + pem(RSA)).ends_at == ENDS


ED = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SSH = b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
WRONG = [
    (b"", "no key in this file"),
    (b"\x30\x82\x00\xff\xfe", "not text"),
    (b"hello", "no key in this file"),
    (public_pem(RSA), "public key"),
    (certificate(RSA, ENDS), "certificate and no private key"),
    (pem(RSA) + pem(EC), "more than one private key"),
    (SSH, "key for SSH"),
    (pem(rsa_key(1024)), "1024 bits"),
    (ED, "kind of key is not taken"),
    (pem(ec_key(ec.SECP256K1())), "does not take this kind of key"),
    (pem(RSA)[:200] + b"\n-----END PRIVATE KEY-----\n", "damaged"),
    (pem(RSA) + certificate(EC, ENDS), "belongs to another key"),
    (pem(RSA) + certificate(RSA, NOW), "has ended on 10 March 2026"),
]


@pytest.mark.parametrize(("content", "words"), WRONG, ids=[words for _, words in WRONG])
def test_a_wrong_file_is_told_what_it_is(content: bytes, words: str):
    refused = refusal(content)
    assert words in refused.words
    assert refused.field == "key_file"


def test_a_provider_that_wants_rsa_says_so():
    assert "an RSA key" in refusal(pem(EC), SALESFORCE).words


def test_a_service_accounts_file_is_read():
    found = read(json.dumps(ACCOUNT).encode(), GOOGLE)
    assert (found.owner, found.key_id, found.algorithm) == ("sync@acme.iam.gserviceaccount.com", "9f2c", "RS256")
    assert found.fingerprint == read(pem(RSA)).fingerprint


ACCOUNTS: list[tuple[Any, str]] = [
    ("{", "not the JSON file"),
    ("[]", "not the JSON file"),
    (pem(RSA).decode(), "not the JSON file"),
    ({"installed": {"client_id": "x"}}, "type must be"),
    (ACCOUNT | {"type": "authorized_user"}, "type must be"),
    (ACCOUNT | {"client_email": ""}, "client_email is missing"),
    (ACCOUNT | {"private_key": 7}, "private_key is missing"),
    (ACCOUNT | {"private_key": public_pem(RSA).decode()}, "public key"),
    (ACCOUNT | {"token_uri": "https://oauth2.attacker.example/token"}, "another token address"),
]


@pytest.mark.parametrize(("document", "words"), ACCOUNTS, ids=[f"{n} {words}" for n, (_, words) in enumerate(ACCOUNTS)])
def test_a_wrong_service_accounts_file_is_told_what_it_is(document: Any, words: str):
    text = document if isinstance(document, str) else json.dumps(document)
    assert words in refusal(text.encode(), GOOGLE).words


FOR_EVER = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmVk"
UNTIL_2030 = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE4OTM0NTYwMDB9.c2lnbmVk"
UNTIL_2020 = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE1Nzc4MzY4MDB9.c2lnbmVk"


def test_a_ready_made_credential_says_when_it_ends_or_never_does():
    assert read(f" {FOR_EVER}\n".encode(), READY).ends_at is None
    assert read(UNTIL_2030.encode(), READY).ends_at == datetime(2030, 1, 1, tzinfo=UTC)
    assert read(UNTIL_2030.encode(), READY).secret.reveal() == UNTIL_2030


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (UNTIL_2020, "has ended on 1 January 2020"),
        ("one.two", "not a JWT"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.", "not a JWT"),
        ("eyJhbGciOiJSUzI1NiJ9.bm90IGpzb24.c2lnbmVk", "not a JWT"),
        (f"{FOR_EVER}.{FOR_EVER}", "not a JWT"),
        (pem(RSA).decode(), "not a JWT"),
    ],
)
def test_what_is_no_credential_is_told_so(text: str, words: str):
    assert words in refusal(text.encode(), READY).words


@pytest.mark.parametrize("content", [one for one, _ in WRONG] + [json.dumps(one).encode() for one, _ in ACCOUNTS])
def test_a_refusal_repeats_nothing_of_the_file(content: bytes):
    for provider in (GENERIC, GOOGLE, READY):
        words = refusal(content, provider).words if content else ""
        lines = [line for line in content.decode("latin-1").splitlines() if len(line) > 30 and "-----" not in line]
        assert not any(line[:30] in words for line in lines)
