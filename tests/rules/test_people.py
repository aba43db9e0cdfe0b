import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules import people
from portal.rules.names import PERSON_NAME_MAX, clean_person_name
from portal.rules.people import Person
from portal.rules.problems import InvalidRequest
from portal.rules.roles import Role, is_demotion


def test_a_person_is_brought_into_the_form_that_is_stored() -> None:
    entered = people.checked(" Ana@ACME.example ", " Ana Alvarez ", " Team_Owner ", " Press ")
    assert entered == Person("ana@acme.example", "Ana Alvarez", Role.TEAM_OWNER, "Press")


@pytest.mark.parametrize("team", [None, "", "  "])
def test_what_is_empty_is_nothing_or_the_least(team: str | None) -> None:
    entered = people.checked("ana@acme.example", " ", "", team)
    assert entered == Person("ana@acme.example", "", Role.MEMBER, None)
    assert entered.called == "Ana"


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(InvalidRequest) as refused:
        people.checked("ana", "x" * 101, "emperor", "a\x00b")
    assert set(refused.value.errors) == {"email", "name", "role", "team"}


@pytest.mark.parametrize(
    ("email", "name"),
    [
        ("ana@acme.example", "Ana"),
        ("ana.alvarez@acme.example", "Ana Alvarez"),
        ("ana-maria_alvarez+news@acme.example", "Ana Maria Alvarez"),
        ("+news@acme.example", "+news"),
        ("...@acme.example", "..."),
        ("élodie@acme.example", "Élodie"),
    ],
)
def test_a_name_is_made_of_an_address(email: str, name: str) -> None:
    assert people.name_of_email(email) == name


@given(st.from_regex(r"[^\s@<>()\[\],;:\\\"]{1,64}", fullmatch=True))
def test_a_name_made_of_an_address_is_never_empty_or_too_long(local: str) -> None:
    assert 0 < len(people.name_of_email(f"{local}@acme.example")) <= PERSON_NAME_MAX


@pytest.mark.parametrize(
    ("before", "after", "is_less"),
    [
        (Role.MEMBER, Role.MEMBER, False),
        (Role.MEMBER, Role.TEAM_OWNER, False),
        (Role.MEMBER, Role.ORG_ADMIN, False),
        (Role.TEAM_OWNER, Role.MEMBER, True),
        (Role.TEAM_OWNER, Role.ORG_ADMIN, False),
        (Role.ORG_ADMIN, Role.TEAM_OWNER, True),
        (Role.ORG_ADMIN, Role.MEMBER, True),
    ],
)
def test_a_demotion_takes_a_permission_away(before: Role, after: Role, is_less: bool) -> None:
    assert is_demotion(before, after) is is_less


def test_names_in_other_scripts_are_names() -> None:
    assert clean_person_name("Сёмин ゆき علي") == "Сёмин ゆき علي"
