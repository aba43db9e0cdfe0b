"""Login links as a delivered e-mail would have brought them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from portal.db import db, reading, transaction
from portal.models import BrowserSession, Email, LoginLink, Member, SignInRequest
from portal.models.email import EmailKind, EmailStatus
from portal.rules.roles import Role
from portal.services import emails, login_links
from tests.factories import Person


@transaction
def delivered_link(
    person: Person, *, now: datetime, kind: EmailKind = EmailKind.SIGN_IN, place: str | None = None
) -> str:
    """The token of a new link to this person; their earlier ones are superseded, as by every delivery."""
    email_id = emails.queue(person.organization_id, person.id, kind, now=now, place=place)
    email, member = db.session.get_one(Email, email_id), db.session.get_one(Member, person.id)
    email.status, email.next_attempt_at, email.settled_at = EmailStatus.SENT, None, now
    return login_links.mint(email, member, now=now).rpartition("/")[2]


@transaction
def change_member(person: Person, *, role: Role | None = None, deactivated_at: datetime | None = None) -> None:
    """What an admin would do, and nothing else: no session is ended along with it."""
    member = db.session.get_one(Member, person.id)
    member.role = role or member.role
    member.deactivated_at = deactivated_at


@transaction
def age_sessions(person: Person, *, began: datetime, last_seen: datetime) -> None:
    """Make all of a person's sessions as old as this."""
    theirs = update(BrowserSession).where(BrowserSession.member_id == person.id)
    db.session.execute(theirs.values(created_at=began, last_seen_at=last_seen))


@reading
def used_at(person: Person) -> datetime | None:
    """When the person's newest link was used."""
    newest = select(LoginLink.used_at).where(LoginLink.member_id == person.id).order_by(LoginLink.minted_at.desc())
    return db.session.scalars(newest.limit(1)).one()


@reading
def live_sessions(person: Person) -> int:
    """How many sessions of the person nobody has ended."""
    theirs = select(func.count()).where(BrowserSession.member_id == person.id, BrowserSession.ended_at.is_(None))
    return db.session.scalars(theirs).one()


@reading
def sign_in_mails(member_id: UUID | None = None) -> Sequence[Any]:
    """The sign-in e-mails that wait to be delivered, oldest first."""
    columns = select(Email.id, Email.organization_id, Email.member_id, Email.connection_id, Email.place)
    wanted = columns.where(Email.kind == EmailKind.SIGN_IN, Email.status == EmailStatus.QUEUED).order_by(Email.id)
    return db.session.execute(wanted if member_id is None else wanted.where(Email.member_id == member_id)).all()


@reading
def requests() -> Sequence[Any]:
    """What was asked for at the door, oldest first."""
    columns = select(SignInRequest.id, SignInRequest.address, SignInRequest.place, SignInRequest.answered_at)
    return db.session.execute(columns.order_by(SignInRequest.id)).all()
