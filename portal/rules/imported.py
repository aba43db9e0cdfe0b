"""A connection as a script of somebody's own has kept it: one line of an import, checked cell by cell."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from portal.rules.names import clean_email, clean_nickname
from portal.rules.problems import InvalidRequest

COLUMNS = (
    "email",
    "provider",
    "nickname",
    "subject",
    "access_token",
    "refresh_token",
    "access_expires_at",
    "consent_expires_at",
    "scopes",
)
SUBJECT_MAX = 255
TOKEN_MAX = 16_384
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # beyond these no zone can tell the day, and nobody means it
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_TOKEN = re.compile(r"[\x21-\x7e]+")  # RFC 6749 appendix A, without the blank that no provider uses
_TEXT = re.compile(r"[^\x00-\x1f\x7f]+")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ImportedConnection:
    """One line's cells, each in its stored form; None and empty where the line did not say."""

    email: str
    provider_id: str
    nickname: str | None
    subject: str | None
    access_token: str | None
    refresh_token: str | None
    access_expires_at: datetime | None
    consent_expires_at: datetime | None
    scopes: frozenset[str]

    def __repr__(self) -> str:
        return f"ImportedConnection({self.provider_id})"  # its tokens must not be seen


def checked(cells: Mapping[str, str]) -> ImportedConnection:
    """The line's cells; raises InvalidRequest with a sentence about each wrong one, which repeats nothing of it."""
    errors: dict[str, str] = {}

    def read(column: str, reading: Callable[[str], Value]) -> Value | None:
        try:
            return reading(cells[column]) if cells[column] else None
        except InvalidRequest as invalid:
            errors.update(invalid.errors)
        except ValueError as error:
            errors[column] = str(error)
        return None

    connection = ImportedConnection(
        email=read("email", clean_email) or "",
        provider_id=cells["provider"].lower(),
        nickname=read("nickname", clean_nickname),
        subject=read("subject", _subject),
        access_token=read("access_token", _token),
        refresh_token=read("refresh_token", _token),
        access_expires_at=read("access_expires_at", _moment),
        consent_expires_at=read("consent_expires_at", _moment),
        scopes=read("scopes", _scopes) or frozenset(),
    )
    errors = _missing(cells) | errors
    if errors:
        raise InvalidRequest(errors)
    return connection


def _missing(cells: Mapping[str, str]) -> dict[str, str]:
    errors = {column: "This is required." for column in ("email", "provider") if not cells[column]}
    if not cells["access_token"] and not cells["refresh_token"]:
        errors["access_token"] = "Give at least one of access_token and refresh_token."  # noqa: S105 - a sentence
    return errors


def _subject(text: str) -> str:
    if len(text) > SUBJECT_MAX or not _TEXT.fullmatch(text):
        raise ValueError(f"Use at most {SUBJECT_MAX} characters and no invisible ones.")
    return text


def _token(text: str) -> str:
    if len(text) > TOKEN_MAX or not _TOKEN.fullmatch(text):
        raise ValueError("This holds characters that no token has, or is too long to be one.")
    return text


def _moment(text: str) -> datetime:
    """A moment in UTC; one without an offset is UTC already, as the column's description says."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("Write the moment in ISO 8601 and UTC, such as 2026-12-02T08:30:00Z.") from error
    if not EARLIEST <= moment < LATEST:
        raise ValueError("Give a moment between the years 2000 and 2199, or leave it empty where there is none.")
    return moment


def _scopes(text: str) -> frozenset[str]:
    scopes = frozenset(text.split())
    if not all(map(_TEXT.fullmatch, scopes)):
        raise ValueError("Separate scopes by blanks, and leave out invisible characters.")
    return scopes
