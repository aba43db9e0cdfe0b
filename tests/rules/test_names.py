import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import names
from portal.rules.names import clean_email, clean_nickname, normalize_email, slug_of
from portal.rules.problems import InvalidRequest

NAMES: tuple[tuple[Callable[[str], str], str, int], ...] = (
    (names.clean_nickname, "nickname", 60),
    (names.clean_person_name, "name", 100),
    (names.clean_organization_name, "name", 100),
    (names.clean_team_name, "team", 60),
    (names.clean_api_key_name, "name", 60),
)


@pytest.mark.parametrize(("clean", "field", "longest"), NAMES)
def test_a_name_has_a_length_within_its_bounds(clean: Callable[[str], str], field: str, longest: int) -> None:
    assert clean("x") == "x"
    assert clean(f"  {'é' * longest} ") == "é" * longest
    with pytest.raises(InvalidRequest) as long:
        clean("x" * (longest + 1))
    assert long.value.errors == {field: f"Use at most {longest} characters."}
    for empty in ("", "   ", "\t\n"):
        with pytest.raises(InvalidRequest) as nothing:
            clean(empty)
        assert nothing.value.errors == {field: "Enter a name."}


@pytest.mark.parametrize(
    "odd",
    [
        "a\nb",
        "a\tb",
        "a\x00b",
        "a\x7fb",
        "a\u202eb",
        "a\u2066b",
        "a\u2028b",
        "a\u2029b",
        "a\uffffb",
        "a\u061cb",
        "a\u2069b",
        "a\ud800b",
    ],
)
def test_invisible_characters_are_refused(odd: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        clean_nickname(odd)
    assert refused.value.errors == {"nickname": "Leave out line breaks and other invisible characters."}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("  Work  ", "Work"),
        ("Work   page", "Work   page"),
        ("Cafe\u0301", "Café"),
        ("👩‍💻 <b>Shop</b> & Söhne", "👩‍💻 <b>Shop</b> & Söhne"),
        ("=1+1", "=1+1"),
    ],
)
def test_a_nickname_is_trimmed_and_otherwise_kept(typed: str, kept: str) -> None:
    assert clean_nickname(typed) == kept


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("ana@example.com", "ana@example.com"),
        ("  Ana@Example.COM\n", "ana@example.com"),
        ("ANA.B+work@mail.example.co.uk", "ana.b+work@mail.example.co.uk"),
        ("o'neil_x-1@example.com", "o'neil_x-1@example.com"),
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("Jo\u0308rg@example.com", "jörg@example.com"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
        ("ana@xn--p1ai.xn--p1ai", "ana@xn--p1ai.xn--p1ai"),
        ("a@b.co", "a@b.co"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
    ],
)
def test_an_e_mail_address_is_stored_in_one_form(typed: str, stored: str) -> None:
    assert clean_email(typed) == stored == normalize_email(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ana",
        "ana@",
        "@example.com",
        "ana@example",
        "ana@@example.com",
        "ana@exa mple.com",
        "ana b@example.com",
        "ana@example.com, ben@example.com",
        "ana@example.com;ben@example.com",
        "Ana <ana@example.com>",
        "ana@example.com\r\nBcc: eve@example.com",
        "ana@-example.com",
        "ana@example-.com",
        "ana@example..com",
        "ana@.example.com",
        "ana@example.com.",
        "ana@example.c",
        "ana@example.1a",
        "ana@[127.0.0.1]",
        "ana@127.0.0.1",
        "ana@exa_mple.com",
        ".ana@example.com",
        "ana.@example.com",
        "an..a@example.com",
        '"ana"@example.com',
        "an\\a@example.com",
        "ana\u202e@example.com",
        "an\x00a@example.com",
        f"{'a' * 65}@example.com",
        f"ana@{'a' * 64}.com",
        f"ana@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com",
    ],
)
def test_what_is_no_single_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        clean_email(typed, field="member_email")
    assert refused.value.errors == {"member_email": "Enter an e-mail address, such as ana@example.com."}


def test_an_address_is_asked_for_as_email_unless_the_form_says_otherwise() -> None:
    with pytest.raises(InvalidRequest) as refused:
        clean_email("nobody")
    assert set(refused.value.errors) == {"email"}


@pytest.mark.parametrize(("length", "fits"), [(254, True), (255, False)])
def test_an_address_has_at_most_254_characters(length: int, fits: bool) -> None:
    domain = ".".join(["d" * 60] * 3)
    rest = length - len(f"{'a' * 60}@{domain}..com")
    address = f"{'a' * 60}@{domain}.{'e' * rest}.com"
    assert len(address) == length
    if fits:
        assert clean_email(address) == address
    else:
        with pytest.raises(InvalidRequest):
            clean_email(address)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalize_email(normalize_email(text)) == normalize_email(text)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Acme", "acme"),
        ("  Acme, Inc. (Europe) ", "acme-inc-europe"),
        ("Müller & Söhne Straße", "muller-sohne-strasse"),
        ("A--B", "a-b"),
        ("株式会社", "organization"),
        ("", "organization"),
        ("---", "organization"),
        ("x" * 99, "x" * 48),
        ("a" * 47 + " b", "a" * 47),
        ("Nº 5", "no-5"),
    ],
)
def test_a_slug_is_plain(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@given(st.text(max_size=120))
def test_every_name_has_a_slug_that_is_its_own_slug(name: str) -> None:
    slug = slug_of(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= 48
    assert slug_of(slug) == slug
