"""E-mails on their way out: a share of them claimed, looked up and given their links, in one transaction.

Everything a mail will say is read here, at the last moment: a connection renewed since is left out, a reminder with
nothing left to say is withdrawn, and so is whatever is for somebody who was deactivated.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.db import db, transaction
from portal.models import Connection, Member, Organization
from portal.models.email import EmailKind
from portal.rules.reminders import ReminderPolicy
from portal.rules.roles import is_elevated
from portal.rules.status import ConnectionState
from portal.services import login_links, outbox, reminder_lines
from portal.services.login_links import PURPOSES, MintedLink, Minting
from portal.services.outbox import Claimed
from portal.services.policy import policy_of
from portal.services.reminder_lines import Lines

HOME = "/connections"
DEACTIVATED = "its reader was deactivated"
NOTHING_LEFT = "nothing was left to say"


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom an e-mail is for, as they are now."""

    name: str
    address: str
    is_elevated: bool
    is_deactivated: bool
    organization_name: str
    policy: ReminderPolicy


@dataclass(frozen=True, slots=True)
class About:
    """The connection an e-mail is about."""

    provider_id: str
    nickname: str
    state: ConnectionState
    invited_by: str | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One e-mail with everything it will say; `link` where it signs its reader in."""

    email: Claimed
    reader: Reader
    lines: Lines = field(default_factory=Lines)
    about: About | None = None
    link: MintedLink | None = field(default=None, repr=False)

    @property
    def kind(self) -> EmailKind:
        """A reminder in which something has ended is a final notice."""
        has_ended = self.email.kind is EmailKind.REMINDER and any(line.is_ended for line in self.lines.due)
        return EmailKind.FINAL_NOTICE if has_ended else self.email.kind

    @property
    def place(self) -> str:
        """The local path it leads to: the one connection it is about, or all of them."""
        if self.email.kind is EmailKind.REMINDER:
            return f"{HOME}/{self.lines.due[0].connection_id}" if len(self.lines.due) == 1 else HOME
        return self.email.place or (f"{HOME}/{self.email.connection_id}" if self.email.connection_id else HOME)

    @property
    def is_wanted(self) -> bool:
        """Whether it still has a reader and something to say."""
        if self.reader.is_deactivated:
            return False
        if self.email.kind is EmailKind.REMINDER:
            return bool(self.lines.due)
        if self.email.kind is EmailKind.INVITATION and self.about is not None:
            return self.about.state is ConnectionState.INVITED
        return True


@transaction
def prepare(email_ids: Sequence[int], claimant: str, *, now: datetime) -> tuple[Outgoing, ...]:
    """Claim those of the e-mails that are due, and make them ready to be written and sent."""
    drafts = _drafts(outbox.claim(email_ids, claimant, now=now), now=now)
    wanted = [draft for draft in drafts if draft.is_wanted]
    _withdraw([draft for draft in drafts if not draft.is_wanted], now=now)
    for draft in wanted:
        reminder_lines.postpone(draft.email.id, draft.lines.postponed)
    links = login_links.mint_many([_minting(draft) for draft in wanted if draft.email.kind in PURPOSES], now=now)
    return tuple(_with_link(draft, links.get(draft.email.id)) for draft in wanted)


def _drafts(claimed: Sequence[Claimed], *, now: datetime) -> list[Outgoing]:
    readers = _readers({email.member_id for email in claimed})
    about = _about({email.connection_id for email in claimed if email.connection_id})
    policies = {email.organization_id: readers[email.member_id].policy for email in claimed}
    reminders = [email for email in claimed if email.kind is EmailKind.REMINDER]
    lines = reminder_lines.read(reminders, policies, now=now) if reminders else {}
    return [
        Outgoing(
            email,
            readers[email.member_id],
            lines.get(email.id, Lines()),
            about[email.connection_id] if email.connection_id else None,
        )
        for email in claimed
    ]


def _withdraw(unwanted: Sequence[Outgoing], *, now: datetime) -> None:
    """Their series go on: what a deactivated member is not told now is not stacked up for their return."""
    for draft in unwanted:
        reason = DEACTIVATED if draft.reader.is_deactivated else NOTHING_LEFT
        outbox.withdraw([draft.email.id], reason, now=now)
        reminder_lines.advance(draft.email.id, draft.lines.due, draft.reader.policy, was_sent=False, now=now)
        reminder_lines.postpone(draft.email.id, draft.lines.postponed)


def _readers(member_ids: Iterable[UUID]) -> Mapping[UUID, Reader]:
    people = select(Member, Organization).join(Organization, Organization.id == Member.organization_id)
    return {
        member.id: Reader(
            member.name,
            member.email,
            is_elevated(member.role),
            member.deactivated_at is not None,
            organization.name,
            policy_of(organization),
        )
        for member, organization in db.session.execute(people.where(Member.id.in_(member_ids)))
    }


def _about(connection_ids: Iterable[UUID]) -> Mapping[UUID, About]:
    if not connection_ids:
        return {}
    inviter = aliased(Member)
    columns = (Connection.id, Connection.provider_id, Connection.nickname, Connection.state, inviter.name)
    found = select(*columns).outerjoin(inviter, inviter.id == Connection.invited_by_id)
    rows = db.session.execute(found.where(Connection.id.in_(connection_ids)))
    return {row[0]: About(row[1], row[2], row[3], invited_by=row[4]) for row in rows}


def _minting(draft: Outgoing) -> Minting:
    email = draft.email
    return Minting(email.id, email.kind, email.organization_id, email.member_id, draft.reader.is_elevated, draft.place)


def _with_link(draft: Outgoing, link: MintedLink | None) -> Outgoing:
    return Outgoing(draft.email, draft.reader, draft.lines, draft.about, link)
