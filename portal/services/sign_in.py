"""Signing in by a link in an e-mail: asking for one, looking at one, redeeming one, having a dead one sent anew.

Threat model: whoever stands at the door must not learn who is a member, so asking only writes down what was typed, and
a job answers later. Mail scanners open every link, so looking changes nothing. A link may be pressed many times at
once, so one conditional UPDATE decides who was first. And nobody may flood a person's inbox or keep them out by asking
in their name: few e-mails are sent, and asking alone never touches the link they already have.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import select, update

from portal.adapters import queue
from portal.db import NEVER, after_commit, db, reading, rows_changed, transaction
from portal.models import Email, LoginLink, Member, SignInRequest
from portal.models.email import NO_REMINDER, EmailKind, EmailStatus
from portal.rules.login_links import MAIL_PERIOD, LinkState, SignInMail, next_mail_at, state_of
from portal.rules.redirects import HOME, home_of, safe_place
from portal.services import audit, emails, login_links, sessions
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.login_links import FoundLink

ANSWER_WITHIN = timedelta(hours=1)  # whoever asked longer ago has asked again, or given up
RING_AGAIN_AFTER = timedelta(seconds=20)
WAITING_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the page of a link shows."""

    state: LinkState
    lifetime: timedelta
    place: str
    owner_id: UUID

    @property
    def is_live(self) -> bool:
        return self.state is LinkState.LIVE


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A new session's token, and the place it leads to."""

    session_token: str
    place: str


@transaction
def request(address: str, place: str | None, *, now: datetime) -> None:
    """Note that somebody asks for a link to this (normalized) address, whoever that may be; a job answers."""
    asked = SignInRequest(address=address, place=safe_place(place, HOME), requested_at=now)
    db.session.add(asked)
    db.session.flush()
    after_commit(partial(queue.ring, "jobs.sign_in.answer", asked.id, at_front=True))


@transaction
def answer(request_id: int, *, now: datetime) -> int:
    """Queue the e-mails a request asks for, once, and return how many: none, or one for each organization."""
    mine = update(SignInRequest).where(SignInRequest.id == request_id, SignInRequest.answered_at.is_(None))
    if not rows_changed(mine.values(answered_at=now)):
        return 0
    asked = db.session.get_one(SignInRequest, request_id, populate_existing=True)
    if now - asked.requested_at > ANSWER_WITHIN:
        return 0
    members = select(Member).where(Member.email == asked.address, Member.deactivated_at.is_(None))
    return sum(_mail(member.id, asked.place, now) for member in db.session.scalars(members.order_by(Member.id)).all())


def answer_waiting(*, now: datetime) -> int:
    """Answer the requests whose bell was never heard; returns how many e-mails that queued."""
    return sum(answer(request_id, now=now) for request_id in _waiting(now))


@reading
def _waiting(now: datetime) -> tuple[int, ...]:
    unheard = select(SignInRequest.id).where(SignInRequest.answered_at.is_(None))
    unheard = unheard.where(SignInRequest.requested_at <= now - RING_AGAIN_AFTER)
    return tuple(db.session.scalars(unheard.order_by(SignInRequest.requested_at).limit(WAITING_AT_ONCE)))


@reading
def look(token: str, *, now: datetime) -> LinkView | None:
    """What a link's page shows, changing nothing; None for what is no link, or leads to nobody who may come in."""
    link = login_links.find(token)
    if link is None or not _may_come_in(link.member_id):
        return None
    return LinkView(_state(link, now), link.lifetime, _place(link), link.member_id)


@transaction
def redeem(token: str, *, browser: str, leaving: Asker | None, now: datetime) -> Redeemed | None:
    """Sign the link's owner in, once; None when it is not live any more, whoever was first.

    `leaving` is who was signed in in this browser until now: their session ends.
    """
    link = login_links.find(token)
    if link is None or not _spend(link.id, now):
        return None
    if leaving is not None:
        sessions.end(leaving, now=now)
    owner = db.session.get_one(Member, link.member_id)
    who = Asker.member(owner.organization_id, owner.id, owner.role)
    audit.record(who, EventKind.LOGIN_LINK_USED, now=now, member_id=owner.id, link=str(link.id), purpose=link.purpose)
    place = _place(link)
    session_token = sessions.begin(owner.id, browser=browser, now=now)
    return Redeemed(session_token, home_of(owner.role) if place == HOME else place)


def _spend(link_id: UUID, now: datetime) -> bool:
    """Of any number that press at once the database lets one through, and none after the link's last moment."""
    live = update(LoginLink).where(LoginLink.id == link_id, LoginLink.expires_at > now)
    live = live.where(LoginLink.used_at.is_(None), LoginLink.superseded_at.is_(None))
    owned = live.where(LoginLink.member_id.in_(select(Member.id).where(Member.deactivated_at.is_(None))))
    return rows_changed(owned.values(used_at=now)) == 1


@transaction
def renew(token: str, *, now: datetime) -> bool:
    """Mail a dead link's owner a new one to the same place, as far as limits allow; False when it is not dead."""
    link = login_links.find(token)
    if link is None or _state(link, now) is LinkState.LIVE or not _may_come_in(link.member_id):
        return False
    _mail(link.member_id, _place(link), now)
    return True


def _mail(member_id: UUID, place: str, now: datetime) -> bool:
    """Queue a sign-in e-mail, for later if one has just left, unless the member has one that will do.

    The member's row is locked meanwhile: two answers at once must not both find that nothing was sent yet.
    """
    member = db.session.scalars(select(Member).where(Member.id == member_id).with_for_update(key_share=True)).one()
    due_at = next_mail_at(_recent_mails(member_id, now), now)
    if due_at is None:
        return False
    emails.queue(member.organization_id, member_id, EmailKind.SIGN_IN, now=now, place=place, due_at=due_at)
    return True


def _recent_mails(member_id: UUID, now: datetime) -> list[SignInMail]:
    """Those that were or are to leave, with what has become of their links; withdrawn ones, which nobody got, not."""
    sent = select(Email.created_at, LoginLink.expires_at, LoginLink.used_at, LoginLink.superseded_at)
    sent = sent.outerjoin(LoginLink, LoginLink.email_id == Email.id)
    theirs = sent.where(Email.member_id == member_id, NO_REMINDER, Email.kind == EmailKind.SIGN_IN)
    counted = theirs.where(Email.created_at >= now - MAIL_PERIOD, Email.status != EmailStatus.WITHDRAWN)
    return [
        SignInMail(
            row.created_at,
            state_of(expires_at=row.expires_at or NEVER, used_at=row.used_at, superseded_at=row.superseded_at, now=now),
        )
        for row in db.session.execute(counted)
    ]


def _may_come_in(member_id: UUID) -> bool:
    active = select(Member.id).where(Member.id == member_id, Member.deactivated_at.is_(None))
    return db.session.scalar(active) is not None


def _state(link: FoundLink, now: datetime) -> LinkState:
    return state_of(expires_at=link.expires_at, used_at=link.used_at, superseded_at=link.superseded_at, now=now)


def _place(link: FoundLink) -> str:
    return safe_place(link.place, HOME)
