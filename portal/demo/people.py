"""Whom a newcomer can be in the demo."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.db import db, transaction
from portal.demo import cast
from portal.models import Member
from portal.rules.problems import NotFound
from portal.rules.redirects import home_of
from portal.services import sessions


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody to sign in as, and what there is to see as them."""

    name: str
    email: str
    role: str
    sees: str


def to_sign_in_as() -> tuple[Part, ...]:
    """The three parts to play."""
    return (
        _part(
            cast.EMPLOYEE, "Two of her connections end soon. Reconnect one, with the right login and with a wrong one."
        ),
        _part(cast.ADMIN, "Every connection by the date it ends, people, settings, the audit log."),
        _part(cast.TEAM_OWNER, "His team's connections. An elevated role: links and sessions that live shorter."),
    )


@transaction
def begin_session(email: str, *, now: datetime) -> tuple[str, str]:
    """A session for one of the parts, and the page to begin at; raises NotFound for anybody else."""
    if email not in {part.email for part in to_sign_in_as()}:
        raise NotFound
    member = db.session.scalars(select(Member).where(Member.email == email)).first()
    if member is None:
        raise NotFound
    return sessions.begin(member.id, browser="The demo's start page", now=now), home_of(member.role)


def _part(person: cast.Person, sees: str) -> Part:
    return Part(person.name, person.email, person.role.label, sees)
