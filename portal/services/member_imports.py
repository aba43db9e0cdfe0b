"""Members from a CSV file: new people are added, known ones brought to what the file says, all of it or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal.bulk import insert_rows, take_stock
from portal.db import after_commit, db
from portal.models import Event, Member
from portal.models.columns import new_id
from portal.rules import people
from portal.rules.people import Person
from portal.rules.problems import InvalidRequest
from portal.rules.roles import Role
from portal.services import audit, csv_files, emails, invitations, known_members, members
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.csv_files import BadLine, Batch, Line, Source
from portal.services.import_reports import Imported, about, all_or_nothing, refuse, sorted_out
from portal.services.known_members import KnownMember

COLUMNS = ("email", "name", "role", "team")
LAST_ADMIN = "role: this would leave the organization without an org admin. Make somebody else one first."


@dataclass(frozen=True, slots=True)
class Wish:
    """What one good line asks for; `member` is the person as they are, None for somebody new."""

    person: Person
    member: KnownMember | None

    @property
    def is_change(self) -> bool:
        return self.member is not None and bool(known_members.differences(self.member, self.person))

    @property
    def is_uninvited(self) -> bool:
        """Whether nobody has invited this person yet, and they may be."""
        known = self.member
        if known is None:
            return True
        return known.invited_at is None and known.last_signed_in_at is None and known.deactivated_at is None


def import_members(
    asker: Asker, file: Source, *, is_dry_run: bool = False, is_inviting: bool = False, now: datetime
) -> Imported:
    """Bring the organization's people to what the file says; raises ImportRefused with every bad line.

    The file has the columns `email,name,role,team`. What is empty stays as it is for known people; somebody new becomes
    a member called by their address. Importing a file again changes nothing. Nobody is mailed unless
    `is_inviting`, and then only who was never invited. Nobody is reactivated.
    """
    work = partial(_go_through, asker, file, is_inviting=is_inviting, now=now)
    return all_or_nothing(work, is_dry_run=is_dry_run)


def _go_through(asker: Asker, file: Source, *, is_inviting: bool, is_writing: bool, now: datetime) -> Imported:
    if is_writing:
        members.hold_admins(asker)
    judge = _Judge(asker)
    report = Imported(0, 0, 0, 0, is_dry_run=not is_writing)
    for number, batch in enumerate(csv_files.batches(file, COLUMNS), start=1):
        wishes = judge.take(batch)
        report = _counted(report, wishes, is_inviting=is_inviting)
        if is_writing and not judge.bad:
            _write(asker, wishes, is_inviting=is_inviting, now=now)
            if number in csv_files.MILESTONES:
                take_stock(db.session(), Member)
        db.session.expunge_all()  # what has been looked at is not kept: files are long
    refuse(judge.bad + judge.lost_admins())
    if is_writing:
        _tell(asker, report, now=now)
    return report


class _Judge:
    """Tells good lines from bad ones, and remembers of a whole file only what that needs."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.bad: list[BadLine] = []
        self._seen: dict[str, int] = {}
        self._admins = members.admin_emails(asker)
        self._demoting: list[int] = []

    def take(self, batch: Batch) -> list[Wish]:
        """What the good lines of a batch ask for."""
        read = [(line, self._person(line)) for line in sorted_out(batch, self.bad)]
        good = [(line, person) for line, person in read if person is not None]
        known = known_members.by_email(self.asker, [person.email for _, person in good])
        return [self._wish(line, person, known.get(person.email)) for line, person in good]

    def lost_admins(self) -> list[BadLine]:
        """The lines that together would take the last org admin away."""
        return [] if self._admins else [BadLine(number, LAST_ADMIN) for number in self._demoting]

    def _person(self, line: Line) -> Person | None:
        try:
            person = people.checked(**line.cells)
        except InvalidRequest as invalid:
            self.bad.append(about(line, invalid))
            return None
        first = self._seen.setdefault(person.email, line.number)
        if first != line.number:
            self.bad.append(BadLine(line.number, f"email: line {first} has the same address."))
            return None
        return person

    def _wish(self, line: Line, person: Person, member: KnownMember | None) -> Wish:
        if member is not None:
            role = person.role if line.cells["role"] else member.role
            person = Person(person.email, person.name, role, person.team or member.team)
        if person.role is Role.ORG_ADMIN and (member is None or member.deactivated_at is None):
            self._admins.add(person.email)
        elif person.email in self._admins:
            self._admins.discard(person.email)
            self._demoting.append(line.number)
        return Wish(person, member)


def _write(asker: Asker, wishes: list[Wish], *, is_inviting: bool, now: datetime) -> None:
    invited = [wish.member.id for wish in wishes if wish.member is not None and wish.is_uninvited]
    invited += _add(asker, [wish.person for wish in wishes if wish.member is None], now)
    _rewrite(asker, [wish for wish in wishes if wish.is_change], now)
    if is_inviting:
        invitations.invite_many(asker, invited, now=now)
    db.session.flush()


def _rewrite(asker: Asker, changes: list[Wish], now: datetime) -> None:
    wanted = {wish.person.email: wish.person for wish in changes}
    rows = select(Member).where(Member.organization_id == asker.organization_id, Member.email.in_(wanted))
    for member in db.session.scalars(rows.with_for_update(key_share=True)) if wanted else ():
        members.rewrite(asker, member, wanted[member.email], now=now)


def _add(asker: Asker, new: list[Person], now: datetime) -> list[UUID]:
    rows: list[dict[str, Any]] = [
        {
            "id": new_id(),
            "organization_id": asker.organization_id,
            "email": person.email,
            "name": person.called,
            "role": person.role,
            "team": person.team,
            "created_at": now,
        }
        for person in new
    ]
    insert_rows(db.session(), Member, rows)
    insert_rows(db.session(), Event, list(_events(asker, rows, now)))
    return [row["id"] for row in rows]


def _events(asker: Asker, rows: list[dict[str, Any]], now: datetime) -> Iterator[dict[str, Any]]:
    for row in rows:
        facts = {"name": row["name"], "role": row["role"]}
        yield {
            "organization_id": asker.organization_id,
            "at": now,
            "kind": EventKind.MEMBER_ADDED.value,
            "actor": asker.actor,
            "member_id": row["id"],
            "facts": facts,
        }


def _counted(report: Imported, wishes: list[Wish], *, is_inviting: bool) -> Imported:
    added = sum(wish.member is None for wish in wishes)
    changed = sum(wish.is_change for wish in wishes)
    return replace(
        report,
        added=report.added + added,
        changed=report.changed + changed,
        unchanged=report.unchanged + len(wishes) - added - changed,
        invited=report.invited + (sum(wish.is_uninvited for wish in wishes) if is_inviting else 0),
    )


def _tell(asker: Asker, report: Imported, *, now: datetime) -> None:
    if report.added or report.changed:
        facts: dict[str, Any] = {
            "count": report.added + report.changed,
            "added": report.added,
            "changed": report.changed,
        }
        audit.record(asker, EventKind.MEMBERS_IMPORTED, now=now, **facts)
    if report.invited:
        after_commit(partial(emails.ring_due, now=now))
