from datetime import UTC, datetime

import pytest

from portal.rules import imported
from portal.rules.imported import COLUMNS
from portal.rules.problems import InvalidRequest

TOKEN = "canary-3f9c1d7e"
LINE = {
    "email": "Ana@acme.example",
    "provider": "Demo-Social",
    "nickname": "Company page",
    "subject": "sub-1",
    "access_token": TOKEN,
    "refresh_token": f"{TOKEN}-r",
    "access_expires_at": "2026-11-20T20:00:00Z",
    "consent_expires_at": "2026-12-02",
    "scopes": "profile  openid profile",
}


def line(**cells: str) -> dict[str, str]:
    return LINE | cells


def test_a_whole_line_is_read() -> None:
    read = imported.checked(LINE)
    assert (read.email, read.provider_id, read.nickname, read.subject) == (
        "ana@acme.example",
        "demo-social",
        "Company page",
        "sub-1",
    )
    assert read.access_expires_at == datetime(2026, 11, 20, 20, tzinfo=UTC)
    assert read.consent_expires_at == datetime(2026, 12, 2, tzinfo=UTC)
    assert read.scopes == {"openid", "profile"}


def test_what_is_unknown_may_be_empty() -> None:
    empty = dict.fromkeys(COLUMNS, "") | {"email": "a@b.example", "provider": "x", "refresh_token": "r"}
    read = imported.checked(empty)
    assert (read.nickname, read.subject, read.access_token, read.access_expires_at) == (None, None, None, None)
    assert read.scopes == frozenset()


@pytest.mark.parametrize(
    ("moment", "hour"),
    [("2026-11-20T20:00:00", 20), ("2026-11-20 20:00+02:00", 18), ("2026-11-20T20:00:00.5Z", 20)],
)
def test_moments_are_utc_unless_they_say_otherwise(moment: str, hour: int) -> None:
    read = imported.checked(line(access_expires_at=moment))
    assert read.access_expires_at is not None
    assert (read.access_expires_at.tzinfo, read.access_expires_at.hour) == (UTC, hour)


@pytest.mark.parametrize("moment", ["2000-01-01", "2199-12-31T23:59:59Z"])
def test_moments_of_two_centuries_are_taken(moment: str) -> None:
    assert imported.checked(line(consent_expires_at=moment)).consent_expires_at is not None


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("email", ""),
        ("email", "ana"),
        ("provider", ""),
        ("nickname", "x" * 61),
        ("nickname", "a\x00b"),
        ("subject", "x" * 256),
        ("subject", "a\nb"),
        ("access_token", f"{TOKEN} b"),
        ("access_token", f"{TOKEN}\n"),
        ("refresh_token", f"{TOKEN}é"),
        ("refresh_token", TOKEN + "x" * 20_000),
        ("access_expires_at", "tomorrow"),
        ("access_expires_at", "1700000000"),
        ("access_expires_at", "0001-01-01T00:00:00+14:00"),
        ("access_expires_at", "0001-01-01"),
        ("access_expires_at", "1999-12-31T23:59:59Z"),
        ("consent_expires_at", "2026-02-30"),
        ("consent_expires_at", "2200-01-01T00:00:00Z"),
        ("consent_expires_at", "9999-12-31T23:00:00Z"),
        ("scopes", "a\x01b"),
    ],
)
def test_a_wrong_cell_is_told_by_its_column_and_never_repeated(column: str, cell: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        imported.checked(line(**{column: cell}))
    assert list(refused.value.errors) == [column]
    assert TOKEN not in str(refused.value.errors)


def test_a_line_without_any_token_is_wrong() -> None:
    with pytest.raises(InvalidRequest) as refused:
        imported.checked(line(access_token="", refresh_token=""))
    assert list(refused.value.errors) == ["access_token"]


def test_a_line_never_shows_its_tokens() -> None:
    assert TOKEN not in repr(imported.checked(LINE))
