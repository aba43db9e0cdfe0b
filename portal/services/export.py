"""An organization's connections as CSV, read page by page however many they are; no cell can act as a formula."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import datetime

from portal.db import transaction
from portal.rules.moments import in_iso
from portal.services import audit, listing
from portal.services.asker import Asker
from portal.services.audit import EventKind
from portal.services.listing import Filters, ListedConnection

COLUMNS = (
    "id",
    "person",
    "email",
    "team",
    "provider",
    "nickname",
    "login",
    "status",
    "consent_expires_at",
    "last_reminder_at",
    "next_reminder_at",
)
FORMULA = re.compile(r"""(^|[;\t\r\n])(?=[\s"]*[=+@＝＋－＠-]|[\t\r])""")  # some take the wide signs too
CHUNK = listing.LARGEST_PAGE


def connections_csv(asker: Asker, filters: Filters, *, now: datetime) -> Iterator[str]:
    """The lines of the file, in chunks; the export itself is noted in the audit log before the first.

    A GET may do that: the note is a record of what was read, and nothing that anybody sees or does changes by it.
    """
    _note(asker, now=now)
    yield _lines([COLUMNS])
    after: str | None = None
    while True:
        page = listing.ending_first(asker, filters, after, now=now, limit=CHUNK)
        yield _lines([_cells(row) for row in page.rows])
        after = page.next_cursor
        if after is None:
            return


@transaction
def _note(asker: Asker, *, now: datetime) -> None:
    audit.record(asker, EventKind.CONNECTIONS_EXPORTED, now=now)


def _cells(row: ListedConnection) -> tuple[str, ...]:
    return (
        str(row.id),
        row.member_name,
        row.member_email,
        row.team or "",
        row.provider_id,
        row.nickname,
        row.subject_label or row.subject or "",
        row.status.value,
        _moment(row.consent_expires_at),
        _moment(row.last_reminder_at),
        _moment(row.next_reminder_at),
    )


def _moment(moment: datetime | None) -> str:
    return in_iso(moment) if moment else ""


def _lines(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([inert(cell) for cell in row] for row in rows)
    return text.getvalue()


def inert(cell: str) -> str:
    """The text with an apostrophe wherever a spreadsheet would otherwise run what follows as a formula.

    That is at its beginning, and behind each sign that separates cells or rows for some: where commas are decimal
    points the file is split at semicolons, whatever its quotes say.
    """
    if cell[:1].isalnum() and ";" not in cell and cell.isprintable():
        return cell  # nearly all, and in a tenth of the time
    return FORMULA.sub(r"\1'", cell)
