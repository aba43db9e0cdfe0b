import re
from dataclasses import replace
from html import unescape
from typing import Any

import html5lib
import pytest

from tests.email_samples import ENDED, FOLDER, KINDS, LINK, Line, render


def words_of(html: str) -> str:
    body = html[html.index("<body") :]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def test_every_folder_of_e_mails_is_tried_here() -> None:
    assert {path.name for path in (FOLDER / "emails").iterdir() if path.is_dir()} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_subject_is_one_short_line(kind: str) -> None:
    subject = render(kind, "subject.txt").strip()
    assert subject
    assert "\n" not in subject
    assert len(subject) <= 80


@pytest.mark.parametrize("part", ["subject.txt", "body.txt", "body.html"])
@pytest.mark.parametrize("kind", ["invitation", "reminder", "displaced"])
def test_a_connection_called_like_its_provider_is_named_once(kind: str, part: str) -> None:
    called = {"nickname": "LinkedIn"} if "nickname" in KINDS[kind] else {"lines": (Line(nickname="LinkedIn"),)}
    assert "“LinkedIn”" not in render(kind, part, **called)
    assert "LinkedIn" in render(kind, part, **called)


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_carry_the_same_facts(kind: str) -> None:
    text, words = render(kind, "body.txt"), words_of(render(kind, "body.html"))
    facts = {LINK, "82 hours", "Acme", "Ana Alvarez", "password", "https://portal.example", *facts_of(KINDS[kind])}
    assert not {fact for fact in facts if fact not in text}
    assert not {fact for fact in facts if fact not in words}


def facts_of(given: dict[str, Any]) -> set[str]:
    plain = {str(value) for name, value in given.items() if name != "lines"}
    lines = (line for line in given.get("lines", ()))
    told = {
        fact
        for line in lines
        for fact in (line.provider_name, line.nickname, line.login_label, line.ends_on, days_of(line))
        if fact
    }
    return plain | told


def days_of(line: Line) -> str:
    return "ended" if line.ended else f"in {line.days_left} days"


@pytest.mark.parametrize("kind", KINDS)
def test_html_is_valid_self_contained_and_fits_mail_servers(kind: str) -> None:
    html = render(kind, "body.html")
    html5lib.HTMLParser(strict=True).parse(html)
    assert "src=" not in html
    assert "url(" not in html
    assert "<link" not in html
    assert max(map(len, html.splitlines())) < 998  # RFC 5322, 2.1.1


@pytest.mark.parametrize("kind", ["invitation", "reminder", "displaced"])
def test_what_people_wrote_is_never_markup(kind: str) -> None:
    nasty = '<img src=x> & "friends"'
    given = {"lines": (replace(Line(), nickname=nasty),)} if "lines" in KINDS[kind] else {"nickname": nasty}
    html = render(kind, "body.html", **given)
    assert "<img" not in html
    assert nasty in words_of(html)
    assert nasty in render(kind, "subject.txt", **given)


@pytest.mark.parametrize(
    ("lines", "subject"),
    [
        ([Line()], "LinkedIn “Company page” ends in 12 days"),
        ([Line(days_left=1)], "LinkedIn “Company page” ends tomorrow"),
        ([Line(days_left=0)], "LinkedIn “Company page” ends today"),
        ([Line(nickname=None)], "LinkedIn ends in 12 days"),
        ([ENDED], "Demo Video “Channel” has ended"),
        ([Line(), Line(days_left=2), Line()], "3 connections need you, the first in 2 days"),
        ([Line(), Line(days_left=1)], "2 connections need you, the first tomorrow"),
        ([Line(), ENDED], "2 connections need you, the first has ended"),
    ],
)
def test_a_reminder_says_in_its_subject_what_ends_when(lines: list[Line], subject: str) -> None:
    assert render("reminder", "subject.txt", lines=lines).strip() == subject


@pytest.mark.parametrize("part", ["body.txt", "body.html"])
def test_what_has_ended_is_not_said_to_keep_working(part: str) -> None:
    assert "everything keeps working" in render("reminder", part)
    assert "everything keeps working" not in render("reminder", part, lines=(ENDED, Line()))


@pytest.mark.parametrize(
    ("lines", "subject"),
    [
        ([ENDED], "Demo Video “Channel” has ended"),
        ([ENDED, ENDED], "2 connections have ended"),
        ([ENDED, Line()], "1 connection has ended, 1 more ends soon"),
    ],
)
def test_a_final_notice_says_what_has_ended(lines: list[Line], subject: str) -> None:
    assert render("final_notice", "subject.txt", lines=lines).strip() == subject


def test_a_displaced_person_is_not_told_of_strangers() -> None:
    subject = render("displaced", "subject.txt", taken_by=None).strip()
    assert subject == "LinkedIn “Company page” was taken over by somebody else"


@pytest.mark.parametrize("part", ["body.txt", "body.html"])
def test_an_e_mail_without_a_personal_link_promises_none(part: str) -> None:
    body = render("alert", part, link=None, link_lives=None)
    assert "yours alone" not in body
    assert "https://portal.example" in body
