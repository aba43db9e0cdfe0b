"""Connections from a CSV file, for those who come from a script of their own: all of them or none.

What a file says of a connection is true only until the first refresh. A connection that is here already is therefore
left alone, whatever the file says: importing a file again changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import chain, repeat
from typing import Self
from uuid import UUID

from sqlalchemy import select

from portal.bulk import among
from portal.db import db, reading, transaction
from portal.extensions import catalog
from portal.models import Connection
from portal.models.connection import HOLDS_LOGIN
from portal.providers.schema import Provider
from portal.rules import imported
from portal.rules.imported import COLUMNS, ImportedConnection
from portal.rules.names import NICKNAME_MAX
from portal.rules.problems import InvalidRequest
from portal.rules.status import ConnectionState
from portal.services import csv_files, import_writes, known_members, offers, policy
from portal.services.asker import Asker
from portal.services.csv_files import BadLine, Batch, Line, Source
from portal.services.import_races import Standpoint
from portal.services.import_reports import Imported, about, refuse, sorted_out
from portal.services.import_spools import Spool
from portal.services.import_writes import NewConnection, make_ready
from portal.services.known_members import KnownMember
from portal.services.races import Outrun, settled

TRIES_BESIDE_OTHERS = 2
UNKNOWN_MEMBER = "email: nobody in this organization has this address. Import the members first."
DEACTIVATED = "email: this person is deactivated. Reactivate them first."
UNKNOWN_PROVIDER = "provider: there is no provider of this id in the catalog."
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
    if is_dry_run:
        return _judge(asker, file, _leave_it).report(is_dry_run=True)
    ways = chain(repeat(_import_beside_others, TRIES_BESIDE_OTHERS), repeat(_import_alone))
    return settled(lambda: next(ways)(asker, file, now=now))


def _import_beside_others(asker: Asker, file: Source, *, now: datetime) -> Imported:
    """Whatever takes long happens while others go on writing; then all of it is written, if it is still right."""
    standpoint = Standpoint.of(asker)
    with Spool() as spool:
        judge = _judge(asker, file, partial(make_ready, asker, spool, standpoint.policy, now=now))
        _write(asker, spool, judge.member_ids, standpoint, now=now)
    return judge.report()


@transaction
def _import_alone(asker: Asker, file: Source, *, now: datetime) -> Imported:
    """The same in one transaction, for when people did not stand still twice: now they wait for it (on SQLite)."""
    policy.held_policies([asker.organization_id])
    with Spool() as spool:
        judge = _judge(asker, file, partial(make_ready, asker, spool, policy.of_asker(asker), now=now))
        import_writes.write(asker, spool, now=now)
    return judge.report()


@transaction
def _write(asker: Asker, spool: Spool, member_ids: Set[UUID], standpoint: Standpoint, *, now: datetime) -> None:
    policy.held_policies([asker.organization_id])
    if not standpoint.still_holds(asker, member_ids):
        raise Outrun
    import_writes.write(asker, spool, now=now)


def _leave_it(_new: Sequence[NewConnection]) -> None:
    """A dry run makes nothing."""


def _judge(asker: Asker, file: Source, take: Callable[[list[NewConnection]], None]) -> "_Judge":
    """Go through the whole file and hand on what is to be made; raises ImportRefused with every bad line."""
    judge = _Judge(asker)
    for batch in csv_files.batches(file, COLUMNS):
        new = judge.take(batch)
        if not judge.bad:
            take(new)
    refuse(judge.bad)
    return judge


class _Judge:
    """Tells good lines from bad ones, and remembers of a whole file only what that needs."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.bad: list[BadLine] = []
        self.member_ids: set[UUID] = set()
        self._added = self._unchanged = 0
        self._seen: dict[bytes, int] = {}
        self._offered = frozenset(provider.id for provider in catalog().offered)

    def take(self, batch: Batch) -> list[NewConnection]:
        """The connections to be made of a batch's good lines."""
        read = [(line, self._read(line)) for line in sorted_out(batch, self.bad)]
        good = [(line, wanted) for line, wanted in read if wanted is not None]
        known = _Known.of(self.asker, [wanted for _, wanted in good])
        new = []
        for line, wanted in good:
            member = known.people.get(wanted.email)
            if member is not None and any(_means(wanted, one, member) for one in known.here[member.id]):
                self._unchanged += 1
            elif trouble := _why_not(member, is_held=(wanted.provider_id, wanted.subject) in known.held):
                self.bad.append(BadLine(line.number, trouble))
            elif member is not None:
                new.append(NewConnection(_id_of(wanted, member), member.id, _provider(wanted), wanted))
        self._added += len(new)
        self.member_ids.update(one.member_id for one in new)
        return new

    def report(self, *, is_dry_run: bool = False) -> Imported:
        """What was made of the file, or would be."""
        return Imported(self._added, 0, self._unchanged, 0, is_dry_run)

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
        provider = catalog().get(wanted.provider_id)
        return f"provider: {offers.why_not_offered(provider)}" if provider else UNKNOWN_PROVIDER

    def _repeated(self, line: Line, wanted: ImportedConnection) -> str:
        parts = (wanted.subject,) if wanted.subject else (wanted.email, _nickname(wanted))
        first = self._seen.setdefault(_digest(wanted.provider_id, *parts), line.number)
        what = "subject: line {} has the same login." if wanted.subject else "nickname: line {} names the same one."
        return "" if first == line.number else what.format(first)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database knows of a batch: the people, what each of them has, and which logins somebody holds."""

    people: Mapping[str, KnownMember]
    here: Mapping[UUID, list[Standing]]
    held: Set[tuple[str, str | None]]

    @classmethod
    @reading
    def of(cls, asker: Asker, wanted: Sequence[ImportedConnection]) -> Self:
        people = known_members.by_email(asker, [one.email for one in wanted])
        return cls(people, _here(people.values()), _held(wanted))


def _provider(wanted: ImportedConnection) -> Provider:
    return catalog().providers[wanted.provider_id]


def _nickname(wanted: ImportedConnection) -> str:
    return wanted.nickname or _provider(wanted).name[:NICKNAME_MAX]


def _here(people: Iterable[KnownMember]) -> Mapping[UUID, list[Standing]]:
    """Every connection of these people, ended ones too: what somebody has ended must not come back with a file."""
    columns = [getattr(Connection, field.name) for field in fields(Standing)]
    theirs = select(*columns).where(among(db.session(), Connection.member_id, [member.id for member in people]))
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
            logins.where(Connection.provider_id == key, among(db.session(), Connection.subject, subjects))
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
