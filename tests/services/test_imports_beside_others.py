"""People go on working while a file of connections is imported, and what they do meanwhile counts."""

import io
from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from flask import Flask

from portal.db import db, reading
from portal.models import Connection, Reminder
from portal.rules.imported import COLUMNS
from portal.rules.problems import ImportRefused
from portal.rules.reminders import ReminderPolicy
from portal.services import connection_imports, connections, csv_files, heartbeats, members, policy
from portal.services.import_reports import Imported
from tests.factories import NOON, World, make_connection

pytestmark = pytest.mark.both_databases

PATIENCE_S = 10


class Interrupted(io.BytesIO):
    """A file in the middle of which, each time it is read, somebody else does something and is waited for."""

    def __init__(self, content: bytes, app: Flask, *acts: Callable[[], object]) -> None:
        super().__init__(content)
        self._app, self._acts = app, list(acts)
        self.times_read = self._lines = 0
        self.were_kept_waiting = False
        self.after_lines = 3

    def seek(self, offset: int, whence: int = 0) -> int:
        self.times_read, self._lines = self.times_read + 1, 0
        return super().seek(offset, whence)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._lines += 1
        if self._lines == self.after_lines and self._acts:
            self._let(self._acts.pop(0))
        return super().readline(size)

    def _let(self, act: Callable[[], object]) -> None:
        def do() -> None:
            with self._app.app_context():
                act()

        somebody = Thread(target=do)
        somebody.start()
        somebody.join(PATIENCE_S)
        self.were_kept_waiting |= somebody.is_alive()


def lines(*emails: str) -> bytes:
    rows = [f"{email},demo-social,Page {number},sub-{number},access,refresh,,," for number, email in enumerate(emails)]
    return "\n".join([",".join(COLUMNS), *rows]).encode()


def load(world: World, file: io.BytesIO) -> Imported:
    return connection_imports.import_connections(world.chloe.asker, file, now=NOON)


@reading
def nicknames() -> list[str]:
    return sorted(row.nickname for row in db.session.query(Connection))


@pytest.fixture
def content(world: World) -> bytes:
    return lines(*[world.ana.email, world.ben.email] * 5)


def test_nobody_who_writes_meanwhile_is_kept_waiting(context: Flask, world: World, content: bytes) -> None:
    file = Interrupted(content, context, lambda: heartbeats.beat(heartbeats.WORKER, NOON))
    assert load(world, file).added == 10
    assert (file.were_kept_waiting, file.times_read) == (False, 1)


def test_somebody_elses_doings_do_not_make_it_begin_anew(context: Flask, world: World, content: bytes) -> None:
    file = Interrupted(content, context, lambda: members.deactivate(world.chloe.asker, world.dmitri.id, now=NOON))
    assert load(world, file).added == 10
    assert file.times_read == 1


def test_whoever_is_deactivated_after_their_line_was_judged_is_a_bad_line(context: Flask, world: World) -> None:
    content = lines(world.ana.email, *[world.ben.email] * (csv_files.BATCH + 100))
    file = Interrupted(content, context, lambda: members.deactivate(world.chloe.asker, world.ana.id, now=NOON))
    file.after_lines = csv_files.BATCH + 50
    with pytest.raises(ImportRefused) as refusal:
        load(world, file)
    assert dict(refusal.value.lines) == {2: connection_imports.DEACTIVATED}
    assert (nicknames(), file.times_read) == ([], 2)


def test_what_somebody_has_disconnected_meanwhile_stays_so(context: Flask, world: World, content: bytes) -> None:
    standing = make_connection(world.ana, nickname="Page 0", subject="sub-0")
    file = Interrupted(content, context, lambda: connections.disconnect(world.ana.asker, standing, now=NOON))
    done = load(world, file)
    assert (done.added, done.unchanged, file.times_read) == (9, 1, 2)


def test_reminders_follow_a_policy_that_was_changed_meanwhile(context: Flask, world: World) -> None:
    ends = (NOON + timedelta(days=20)).isoformat()
    row = f"{world.ana.email},demo-social,Page,sub,access,refresh,,{ends},"
    content = "\n".join([",".join(COLUMNS), row, row.replace("sub", "sub2").replace("Page", "Page 2")]).encode()
    early = ReminderPolicy(30, 10)
    file = Interrupted(
        content, context, lambda: policy.change(world.chloe.asker, early, policy_period_days=None, now=NOON)
    )
    load(world, file)
    assert reading(lambda: {row.next_step for row in db.session.query(Reminder)})() == {20}
    assert file.times_read == 2


def test_where_nobody_stands_still_it_is_done_all_the_same(context: Flask, world: World, content: bytes) -> None:
    standing = make_connection(world.ana, nickname="Other page")

    def rename(name: str) -> Callable[[], object]:
        return lambda: connections.rename(world.ana.asker, standing, name, now=NOON)

    file = Interrupted(content, context, rename("One"), rename("Two"))
    assert load(world, file).added == 10
    assert file.times_read == 3
    assert nicknames() == sorted(["Two", *(f"Page {number}" for number in range(10))])
