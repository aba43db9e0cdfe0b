"""Connections from a CSV file, for those who come from a script of their own: all of them or none.

What a file says of a connection is true only until the first refresh. A connection that is here already is therefore
left alone, whatever the file says: importing a file again changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select

from portal.bulk import take_stock
from portal.db import db
from portal.extensions import catalog
from portal.models import Connection, Member
from portal.models.connection import HOLDS_LOGIN
from portal.providers.schema import Provider
from portal.rules import imported
from portal.rules.imported import COLUMNS, ImportedConnection
from portal.rules.names import NICKNAME_MAX
from portal.rules.problems import InvalidRequest
from portal.rules.status import ConnectionState
from portal.services import audit, csv_files, import_writes, known_members
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.csv_files import BadLine, Batch, Line, Source
from portal.services.import_reports import Imported, about, all_or_nothing, refuse, sorted_out
from portal.services.import_writes import NewConnection
from portal.services.known_members import KnownMember

UNKNOWN_MEMBER = "email: nobody in this organization has this address. Import the members first."
DEACTIVATED = "email: this person is deactivated. Reactivate them first."
UNKNOWN_PROVIDER = "provider: there is no provider of this id in the catalog."
NOT_CONFIGURED = "provider: no app of yours is configured for this provider. Enter its credentials first."
HELD = "subject: this login is connected by somebody else already."


@dataclass(frozen=True, slots=True)
class Standing:
    """A connection that is here already, as far as a line may mean it."""

    id: UUID
    member_id: UUID
    provider_id: str
    subject: str | None
    nickname: str
    state: ConnectionState


def import_connections(asker: Asker, file: Source, *, is_dry_run: bool = False, now: datetime) -> Imported:
    """Make the connections that the file names and that are not here yet; raises ImportRefused with every bad line.

    The columns are `rules.imported.COLUMNS`. Nobody is mailed by the import itself; reminders begin as for every other
    connection. No cell is ever repeated in a message.
    """
    work = partial(_go_through, asker, file, now=now)
    return all_or_nothing(work, is_dry_run=is_dry_run)


def _go_through(asker: Asker, file: Source, *, is_writing: bool, now: datetime) -> Imported:
    judge = _Judge(asker)
    report = Imported(0, 0, 0, 0, is_dry_run=not is_writing)
    for number, batch in enumerate(csv_files.batches(file, COLUMNS), start=1):
        new, unchanged = judge.take(batch)
        report = replace(report, added=report.added + len(new), unchanged=report.unchanged + unchanged)
        if is_writing and not judge.bad:
            import_writes.write(asker, new, now=now)
            if number in csv_files.MILESTONES:
                take_stock(db.session(), Connection, Member)
        db.session.expunge_all()  # what has been looked at is not kept: files are long
    refuse(judge.bad)
    if is_writing and report.added:
        audit.record(asker, EventKind.CONNECTIONS_IMPORTED, now=now, count=report.added)
    return report


class _Judge:
    """Tells good lines from bad ones, and remembers of a whole file only what that needs."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.bad: list[BadLine] = []
        self._seen: dict[bytes, int] = {}
        self._offered = frozenset(provider.id for provider in catalog().offered)

    def take(self, batch: Batch) -> tuple[list[NewConnection], int]:
        """The connections to be made of a batch's good lines, and how many lines name one that is here already."""
        read = [(line, self._read(line)) for line in sorted_out(batch, self.bad)]
        good = [(line, wanted) for line, wanted in read if wanted is not None]
        people = known_members.by_email(self.asker, [wanted.email for _, wanted in good])
        here, held = _here(people.values()), _held([wanted for _, wanted in good])
        new, unchanged = [], 0
        for line, wanted in good:
            member = people.get(wanted.email)
            if member is not None and any(_means(wanted, one, member) for one in here[member.id]):
                unchanged += 1
            elif trouble := _why_not(member, is_held=(wanted.provider_id, wanted.subject) in held):
                self.bad.append(BadLine(line.number, trouble))
            elif member is not None:
                new.append(NewConnection(_id_of(wanted, member), member.id, _provider(wanted), wanted))
        return new, unchanged

    def _read(self, line: Line) -> ImportedConnection | None:
        try:
            wanted = imported.checked(line.cells)
        except InvalidRequest as invalid:
            self.bad.append(about(line, invalid))
            return None
        trouble = self._unoffered(wanted) or self._repeated(line, wanted)
        if trouble:
            self.bad.append(BadLine(line.number, trouble))
        return None if trouble else wanted

    def _unoffered(self, wanted: ImportedConnection) -> str:
        if wanted.provider_id in self._offered:
            return ""
        return NOT_CONFIGURED if catalog().get(wanted.provider_id) else UNKNOWN_PROVIDER

    def _repeated(self, line: Line, wanted: ImportedConnection) -> str:
        parts = (wanted.subject,) if wanted.subject else (wanted.email, _nickname(wanted))
        first = self._seen.setdefault(_digest(wanted.provider_id, *parts), line.number)
        what = "subject: line {} has the same login." if wanted.subject else "nickname: line {} names the same one."
        return "" if first == line.number else what.format(first)


def _provider(wanted: ImportedConnection) -> Provider:
    return catalog().providers[wanted.provider_id]


def _nickname(wanted: ImportedConnection) -> str:
    return wanted.nickname or _provider(wanted).name[:NICKNAME_MAX]


def _here(people: Iterable[KnownMember]) -> Mapping[UUID, list[Standing]]:
    """Every connection of these people, ended ones too: what somebody has ended must not come back with a file."""
    columns = [getattr(Connection, field.name) for field in fields(Standing)]
    theirs = select(*columns).where(Connection.member_id.in_([member.id for member in people]))
    here: defaultdict[UUID, list[Standing]] = defaultdict(list)
    for row in db.session.execute(theirs):
        here[row.member_id].append(Standing(*row))
    return here


def _held(wanted: Sequence[ImportedConnection]) -> set[tuple[str, str | None]]:
    """Which of these logins somebody holds, in whichever organization."""
    by_provider: defaultdict[str, list[str]] = defaultdict(list)
    for one in wanted:
        if one.subject:
            by_provider[one.provider_id].append(one.subject)
    logins = select(Connection.provider_id, Connection.subject).where(HOLDS_LOGIN)  # written out, as its index wants it
    return {
        (provider_id, subject)
        for key, subjects in by_provider.items()
        for provider_id, subject in db.session.execute(
            logins.where(Connection.provider_id == key, Connection.subject.in_(subjects))
        )
    }


def _means(wanted: ImportedConnection, here: Standing, member: KnownMember) -> bool:
    """Whether a line means this connection: made of it before, the same login, or the only one of that name."""
    if here.id == _id_of(wanted, member):
        return True
    if here.provider_id != wanted.provider_id or here.state is ConnectionState.INVITED:
        return False
    if wanted.subject and here.subject:
        return wanted.subject == here.subject
    return _nickname(wanted) == here.nickname


def _why_not(member: KnownMember | None, *, is_held: bool) -> str:
    if member is None:
        return UNKNOWN_MEMBER
    if member.deactivated_at is not None:
        return DEACTIVATED
    return HELD if is_held else ""


def _id_of(wanted: ImportedConnection, member: KnownMember) -> UUID:
    """The id that this line's connection gets: always the same one, whatever becomes of its login and name later.

    A UUIDv8 (RFC 9562): all of it is ours to fill.
    """
    login = ("subject", wanted.subject) if wanted.subject else ("nickname", _nickname(wanted))
    raw = bytearray(_digest(member.id.hex, wanted.provider_id, *login)[:16])
    raw[6], raw[8] = 0x80 | (raw[6] & 0x0F), 0x80 | (raw[8] & 0x3F)
    return UUID(bytes=bytes(raw))


def _digest(*parts: str) -> bytes:
    return sha256(b"".join(b"%d:%b" % (len(part.encode()), part.encode()) for part in parts)).digest()[:16]
