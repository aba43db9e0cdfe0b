"""Sealed is sealed: nothing opens it but the right key in the right place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.crypto import (
    MASK,
    Keyring,
    SealBroken,
    Sealed,
    Secret,
    Signer,
    digest,
    from_base64url,
    random_token,
    to_base64url,
)

OLD, NEW = ("2025", bytes(range(32))), ("2026", bytes(range(32, 64)))
PLACE = "grant:0190:access_token"
TOKEN = Secret("ya29.a0AfH6SMB-canary")
SIGNER = Signer(Secret("Zk8PqW3vTn6RyB1mXc9LsD4hGf7JtU2e"))


@given(st.text(max_size=4000), st.text(max_size=60))
def test_what_was_sealed_opens_again_in_its_place(text: str, place: str) -> None:
    keyring = Keyring([NEW, OLD])
    assert keyring.open(keyring.seal(Secret(text), place), place) == Secret(text)


@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    keyring = Keyring([NEW])
    raw = bytearray(keyring.seal(TOKEN, PLACE).raw)
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealBroken):
        keyring.open(Sealed(bytes(raw)), PLACE)


@given(st.integers(0, 60))
def test_a_shortened_value_is_refused(kept: int) -> None:
    keyring = Keyring([NEW])
    raw = keyring.seal(TOKEN, PLACE).raw
    with pytest.raises(SealBroken):
        keyring.open(Sealed(raw[: min(kept, len(raw) - 1)]), PLACE)


@pytest.mark.parametrize("place", ["grant:0191:access_token", "grant:0190:refresh_token", ""])
def test_a_value_moved_to_another_place_is_refused(place: str) -> None:
    keyring = Keyring([NEW])
    with pytest.raises(SealBroken):
        keyring.open(keyring.seal(TOKEN, PLACE), place)


def test_the_first_key_seals_and_all_open() -> None:
    old_value = Keyring([OLD]).seal(TOKEN, PLACE)
    both = Keyring([NEW, OLD])
    assert both.open(old_value, PLACE) == TOKEN
    assert both.seal(TOKEN, PLACE).key_id == "2026"


def test_a_key_that_was_taken_away_opens_nothing_and_is_named() -> None:
    with pytest.raises(SealBroken, match="2025"):
        Keyring([NEW]).open(Keyring([OLD]).seal(TOKEN, PLACE), PLACE)


def test_a_key_under_anothers_name_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        Keyring([("2025", NEW[1])]).open(Keyring([OLD]).seal(TOKEN, PLACE), PLACE)


def test_the_same_secret_is_never_sealed_alike_twice() -> None:
    keyring = Keyring([NEW])
    assert len({keyring.seal(TOKEN, PLACE).raw for _ in range(100)}) == 100


def test_a_secret_shows_itself_only_when_asked() -> None:
    sealed = Keyring([NEW]).seal(TOKEN, PLACE)
    shown = f"{TOKEN} {TOKEN!r} {[TOKEN]} {sealed} {sealed!r} {(sealed, TOKEN)}"
    assert TOKEN.reveal() not in shown
    assert MASK in shown
    assert TOKEN.reveal().encode() not in sealed.raw


def test_an_empty_secret_counts_as_none() -> None:
    assert not Secret("")
    assert Secret("x")


def test_a_signature_holds_for_its_purpose_and_parts_alone() -> None:
    signature = SIGNER.sign("login-link", "id", "sign_in")
    assert len(signature) == 32
    assert SIGNER.is_signed(signature, "login-link", "id", "sign_in")
    assert not SIGNER.is_signed(signature, "message-id", "id", "sign_in")
    assert not SIGNER.is_signed(signature, "login-link", "sign_in", "id")
    assert not SIGNER.is_signed(signature[:-1], "login-link", "id", "sign_in")
    assert not Signer(Secret("another key of at least 32 bytes...")).is_signed(signature, "login-link", "id", "sign_in")


@given(st.lists(st.text(max_size=20), max_size=4), st.lists(st.text(max_size=20), max_size=4))
def test_no_two_lists_of_parts_are_signed_alike(one: list[str], other: list[str]) -> None:
    assert (SIGNER.sign("p", *one) == SIGNER.sign("p", *other)) is (one == other)


@given(st.binary(max_size=100))
def test_base64url_is_read_back(raw: bytes) -> None:
    assert from_base64url(to_base64url(raw)) == raw


@pytest.mark.parametrize("text", ["AB", "A", "AA==", "AA=", "A+/A", "AAAA AAAA", "AAAA\n", "ÄÖÜß"])
def test_only_the_canonical_form_of_base64url_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        from_base64url(text)


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {random_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(len(from_base64url(token)) == 32 for token in tokens)
    assert len({digest(token) for token in tokens}) == 1000
