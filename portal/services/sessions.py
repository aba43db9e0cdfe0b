"""Browser sessions: rows that decide, named by a cookie; ending one takes effect at once on every process.

Threat model: a cookie may be copied, kept after signing out, or put into somebody's browser beforehand. So the cookie
holds nothing but a random name (stored hashed), every request asks the row behind it and the member's row, and signing
in always makes a new row.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Update, bindparam, select, update

from portal.crypto import Secret, digest, random_token
from portal.db import db, reading, rows_changed, transaction
from portal.models import BrowserSession, Member, Organization
from portal.quick import QuickSelect
from portal.rules import roles, sessions
from portal.rules.problems import NotFound
from portal.rules.roles import Role
from portal.services import audit
from portal.services.asker import Asker
from portal.services.audit import EventKind

BROWSER_MAX = 120


@dataclass(frozen=True, slots=True)
class SignedInMember:
    """Who a session belongs to, read afresh at every request so that a new role or a deactivation counts at once."""

    token: Secret
    session_id: UUID
    began_at: datetime
    last_seen_at: datetime
    member_id: UUID
    organization_id: UUID
    organization_name: str
    time_zone: str
    name: str
    email: str
    role: Role

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What flask-login keeps in the cookie: the session's token."""
        return self.token.reveal()

    @property
    def asker(self) -> Asker:
        return Asker.member(self.organization_id, self.member_id, self.role, self.session_id)


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One browser its owner is signed in with, as it is listed for them."""

    id: UUID
    browser: str
    began_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    is_current: bool


@transaction
def begin(member_id: UUID, *, browser: str, now: datetime) -> str:
    """Sign the member in and return the new session's token (256 random bits, stored hashed).

    `browser` is what its owner will know it by in a list of sessions.
    """
    member = db.session.get_one(Member, member_id)
    token = random_token()
    session = BrowserSession(
        token_digest=digest(token),
        organization_id=member.organization_id,
        member_id=member.id,
        browser=browser[:BROWSER_MAX],
        created_at=now,
        last_seen_at=now,
    )
    db.session.add(session)
    member.last_signed_in_at = now
    db.session.flush()
    who = Asker.member(member.organization_id, member.id, member.role, session.id)
    audit.record(who, EventKind.SESSION_BEGUN, now=now, member_id=member.id, session=str(session.id))
    return token


def find(token: str, *, now: datetime) -> SignedInMember | None:
    """The member signed in with this token, or None once the session has ended in any way."""
    row = _SIGNED_IN.first(db.engine, {"digest": digest(token)})
    if row is None:
        return None
    member = SignedInMember(Secret(token), *row)
    elevated = roles.is_elevated(member.role)
    is_live = sessions.is_live(member.began_at, member.last_seen_at, elevated=elevated, now=now)
    return member if is_live else None


def _signed_in() -> Select[UUID, datetime, datetime, UUID, UUID, str, str, str, str, Role]:
    """Sessions nobody ended, of members nobody deactivated, in the order of SignedInMember's fields."""
    columns = select(
        BrowserSession.id,
        BrowserSession.created_at,
        BrowserSession.last_seen_at,
        Member.id,
        Member.organization_id,
        Organization.name,
        Organization.time_zone,
        Member.name,
        Member.email,
        Member.role,
    )
    joined = columns.join(Member, Member.id == BrowserSession.member_id)
    joined = joined.join(Organization, Organization.id == Member.organization_id)
    live = joined.where(BrowserSession.ended_at.is_(None), Member.deactivated_at.is_(None))
    return live.where(BrowserSession.token_digest == bindparam("digest"))


_SIGNED_IN = QuickSelect(_signed_in())


@transaction
def touch(session_id: UUID, *, now: datetime) -> None:
    """Note that the session is in use; asked for at most every few minutes."""
    seen = update(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.last_seen_at < now)
    db.session.execute(seen.values(last_seen_at=now))


@reading
def own(asker: Asker, *, now: datetime) -> tuple[OwnSession, ...]:
    """Where the asker is signed in, this browser first, then the one used last."""
    elevated = asker.role is not None and roles.is_elevated(asker.role)
    began = now - sessions.absolute_length(elevated=elevated)
    rows = db.session.scalars(
        select(BrowserSession)
        .where(BrowserSession.member_id == asker.own_id, BrowserSession.organization_id == asker.organization_id)
        .where(BrowserSession.ended_at.is_(None), BrowserSession.created_at > began)
        .order_by(BrowserSession.last_seen_at.desc(), BrowserSession.id)
    )
    listed = (_listed(row, asker, elevated=elevated) for row in rows)
    return tuple(sorted((one for one in listed if now < one.ends_at), key=lambda one: not one.is_current))


def _listed(row: BrowserSession, asker: Asker, *, elevated: bool) -> OwnSession:
    ends_at = sessions.session_ends_at(row.created_at, row.last_seen_at, elevated=elevated)
    return OwnSession(row.id, row.browser, row.created_at, row.last_seen_at, ends_at, row.id == asker.session_id)


@transaction
def end(asker: Asker, *, now: datetime) -> None:
    """Sign out: this session is over, whatever cookie may still be kept somewhere."""
    if asker.session_id is not None:
        _end(asker, asker.session_id, now)


@transaction
def end_own(asker: Asker, session_id: UUID, *, now: datetime) -> None:
    """End one of the asker's own sessions, wherever it is; NotFound when there is none of theirs with this id.

    Ending one that is over already changes nothing, so that a second click is no mistake.
    """
    theirs = select(BrowserSession.id).where(BrowserSession.id == session_id, BrowserSession.member_id == asker.own_id)
    if db.session.scalar(theirs) is None:
        raise NotFound
    _end(asker, session_id, now)


def _end(asker: Asker, session_id: UUID, now: datetime) -> None:
    if rows_changed(_ending(asker, asker.own_id, now).where(BrowserSession.id == session_id)):
        audit.record(asker, EventKind.SESSION_ENDED, now=now, member_id=asker.own_id, session=str(session_id))


@transaction
def end_all(asker: Asker, *, now: datetime) -> int:
    """Sign out everywhere; returns how many sessions that ended."""
    return end_all_of(asker, asker.own_id, now=now)


@transaction
def end_all_of(asker: Asker, member_id: UUID, *, now: datetime) -> int:
    """End every session of a member of the asker's organization (deactivation, demotion, their own wish)."""
    ended = rows_changed(_ending(asker, member_id, now))
    audit.record(asker, EventKind.SESSIONS_ENDED, now=now, member_id=member_id, sessions=ended)
    return ended


def _ending(asker: Asker, member_id: UUID, now: datetime) -> Update:
    live = update(BrowserSession).where(BrowserSession.member_id == member_id, BrowserSession.ended_at.is_(None))
    return live.where(BrowserSession.organization_id == asker.organization_id).values(ended_at=now)
