"""Browser sessions: rows that decide, named by a cookie; ending one takes effect at once on every process."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Update, select, update

from portal.crypto import digest, random_token
from portal.db import db, reading, transaction
from portal.models import BrowserSession, Member, Organization
from portal.rules import roles, sessions
from portal.rules.roles import Role
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind


@dataclass(frozen=True, slots=True)
class SignedInMember:
    """Who a session belongs to, read afresh at every request so that a new role or a deactivation counts at once."""

    session_id: UUID
    token: str
    member_id: UUID
    organization_id: UUID
    organization_name: str
    time_zone: str
    name: str
    email: str
    role: Role
    last_seen_at: datetime

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What flask-login keeps in the cookie: the session's token."""
        return self.token

    @property
    def asker(self) -> Asker:
        return Asker.member(self.organization_id, self.member_id, self.role, self.session_id)


@transaction
def begin(member_id: UUID, *, browser: str, now: datetime) -> str:
    """Sign the member in and return the new session's token (256 random bits, stored hashed)."""
    member = db.session.get_one(Member, member_id)
    token = random_token()
    session = BrowserSession(
        token_digest=digest(token),
        organization_id=member.organization_id,
        member_id=member.id,
        browser=browser[:120],
        created_at=now,
        last_seen_at=now,
    )
    db.session.add(session)
    member.last_signed_in_at = now
    db.session.flush()
    who = Asker.member(member.organization_id, member.id, member.role, session.id)
    audit.record(who, EventKind.SESSION_BEGUN, now=now, member_id=member.id, session=str(session.id))
    return token


@reading
def find(token: str, *, now: datetime) -> SignedInMember | None:
    """The member signed in with this token, or None once the session has ended in any way."""
    found = db.session.execute(
        select(BrowserSession, Member, Organization.name, Organization.time_zone)
        .join(Member, Member.id == BrowserSession.member_id)
        .join(Organization, Organization.id == Member.organization_id)
        .where(BrowserSession.token_digest == digest(token), BrowserSession.ended_at.is_(None))
        .where(Member.deactivated_at.is_(None))
    ).first()
    if found is None:
        return None
    session, member, organization_name, time_zone = found
    elevated = roles.is_elevated(member.role)
    if not sessions.is_live(session.created_at, session.last_seen_at, elevated=elevated, now=now):
        return None
    return SignedInMember(
        session_id=session.id,
        token=token,
        member_id=member.id,
        organization_id=member.organization_id,
        organization_name=organization_name,
        time_zone=time_zone,
        name=member.name,
        email=member.email,
        role=member.role,
        last_seen_at=session.last_seen_at,
    )


@transaction
def touch(session_id: UUID, *, now: datetime) -> None:
    """Note that the session is in use; asked for at most every few minutes."""
    seen = update(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.last_seen_at < now)
    db.session.execute(seen.values(last_seen_at=now))


@transaction
def end(asker: Asker, *, now: datetime) -> None:
    """Sign out: this session is over, whatever cookie may still be kept somewhere."""
    if db.session.execute(_ending(asker, asker.own_id, now).where(BrowserSession.id == asker.session_id)).rowcount:
        audit.record(asker, EventKind.SESSION_ENDED, now=now, member_id=asker.own_id, session=str(asker.session_id))


@transaction
def end_all(asker: Asker, *, now: datetime) -> int:
    """Sign out everywhere; returns how many sessions that ended."""
    return end_all_of(asker, asker.own_id, now=now)


@transaction
def end_all_of(asker: Asker, member_id: UUID, *, now: datetime) -> int:
    """End every session of a member of the asker's organization (deactivation, demotion, their own wish)."""
    ended = db.session.execute(_ending(asker, member_id, now)).rowcount
    audit.record(asker, EventKind.SESSIONS_ENDED, now=now, member_id=member_id, sessions=ended)
    return ended


def _ending(asker: Asker, member_id: UUID, now: datetime) -> Update:
    live = update(BrowserSession).where(BrowserSession.member_id == member_id, BrowserSession.ended_at.is_(None))
    return live.where(BrowserSession.organization_id == asker.organization_id).values(ended_at=now)
