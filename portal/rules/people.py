"""What makes a person of an organization: an address, a name, a role and perhaps a team, each in its stored form."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from portal.rules.names import PERSON_NAME_MAX, clean_email, clean_person_name, clean_team_name
from portal.rules.problems import InvalidRequest
from portal.rules.roles import Role


@dataclass(frozen=True, slots=True)
class Person:
    """A person as entered and checked; an empty name means that nobody said it."""

    email: str
    name: str
    role: Role
    team: str | None

    @property
    def called(self) -> str:
        """The name, or one made of the address."""
        return self.name or name_of_email(self.email)


def checked(email: str, name: str, role: str, team: str | None) -> Person:
    """The person, everything in its stored form; raises InvalidRequest with a sentence about each wrong field.

    Name and team may be empty; an empty role is `member`.
    """
    errors: dict[str, str] = {}
    address = _tried(clean_email, email, errors)
    given_name = _tried(clean_person_name, name, errors) if name.strip() else ""
    given_team = _tried(clean_team_name, team, errors) if team and team.strip() else None
    word = role.strip().lower() or Role.MEMBER.value
    if word not in set(Role):
        errors["role"] = f"Use one of {', '.join(Role)}, or leave it empty for {Role.MEMBER}."
    if errors:
        raise InvalidRequest(errors)
    return Person(address, given_name, Role(word), given_team)


def faults(email: str, name: str, role: str, team: str | None) -> dict[str, str]:
    """What is wrong with a person's fields, a sentence each; nothing where `checked` would take them."""
    try:
        checked(email, name, role, team)
    except InvalidRequest as invalid:
        return invalid.errors
    return {}


def name_of_email(email: str) -> str:
    """A name for somebody of whom only the address is known: `ana.alvarez@example.com` is Ana Alvarez."""
    local = email.partition("@")[0]
    words = [word.capitalize() for word in re.split(r"[._\-]+", local.partition("+")[0]) if word]
    return (" ".join(words) or local)[:PERSON_NAME_MAX]


def _tried(clean: Callable[[str], str], text: str, errors: dict[str, str]) -> str:
    try:
        return clean(text)
    except InvalidRequest as invalid:
        errors.update(invalid.errors)
        return ""
