from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.adapters.mime import BadHeader, Letter, compose, list_header, one_line

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
LONGEST_LINE = 998  # RFC 5321 section 4.5.3.1.6, without the line break


def letter(**changes: object) -> Letter:
    parts: dict[str, object] = {
        "message_id": "<reconsent.1.abc@portal.example>",
        "sender": ("Reconsent", "portal@portal.example"),
        "recipient": ("Ana Alvarez", "ana@acme.example"),
        "subject": "Hello",
        "text": "Hello\n",
        "html": "<p>Hello</p>\n",
        "written_at": NOON,
    }
    return Letter(**(parts | changes))  # type: ignore[arg-type]


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.just("\n"), max_size=3000))
def test_any_text_arrives_as_it_was_written_in_lines_that_servers_take(text: str) -> None:
    raw = compose(letter(text=text, html=f"<p>{text}</p>"))
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= LONGEST_LINE
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    mail = read(raw)
    assert body(mail, "plain").rstrip("\n") == text.rstrip("\n")
    assert body(mail, "html").rstrip("\n") == f"<p>{text}</p>"


@given(subject=st.text(max_size=200))
def test_any_subject_becomes_one_header_and_no_more(subject: str) -> None:
    raw = compose(letter(subject=one_line(subject.encode("utf-8", "ignore").decode())))
    headers = raw.partition(b"\r\n\r\n")[0].decode()
    names = [line.partition(":")[0] for line in headers.split("\r\n") if not line.startswith(" ")]
    assert names == ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"]


@given(subject=st.text(st.characters(min_codepoint=0xA1, exclude_categories=("Cs",)), min_size=1, max_size=200))
def test_lines_with_encoded_words_are_as_short_as_they_have_to_be(subject: str) -> None:
    headers = compose(letter(subject=subject)).partition(b"\r\n\r\n")[0].decode()
    encoded = [line for line in headers.split("\r\n") if "=?utf-8?" in line]
    assert encoded
    assert max(map(len, encoded)) <= 76  # RFC 2047 section 2
    assert str(read(compose(letter(subject=subject)))["Subject"]) == subject


@pytest.mark.parametrize("break_", ["\r\nBcc: eve@evil.example", "\nBcc: eve@evil.example", "\r", "\x00", "\u2028"])
@pytest.mark.parametrize("place", ["name", "address", "header", "message_id", "subject"])
def test_nothing_breaks_out_of_its_header(break_: str, place: str) -> None:
    changes = {
        "name": {"recipient": (f"Ana{break_}", "ana@acme.example")},
        "address": {"recipient": ("Ana", f"ana@acme.example{break_}")},
        "header": {"headers": {"X-Reconsent-Kind": f"reminder{break_}"}},
        "message_id": {"message_id": f"<1@portal.example>{break_}"},
        "subject": {"subject": f"Hello{break_}"},
    }[place]
    if place == "subject" and not break_.isascii():
        return  # encoded: it cannot break anything any more
    with pytest.raises(BadHeader):
        compose(letter(**changes))


def test_a_header_with_very_many_entries_is_folded_before_servers_refuse_it() -> None:
    entries = [f"01a1f93d-5df5-7f70-990e-8c078c23eb{number:02x}={number}" for number in range(100)]
    raw = compose(letter(headers={"X-Reconsent-Steps": list_header(entries)}))
    assert max(map(len, raw.split(b"\r\n"))) <= LONGEST_LINE
    assert read(raw)["X-Reconsent-Steps"].split(", ") == entries


def test_a_header_with_a_few_entries_stays_on_its_line() -> None:
    assert list_header(["a=1", "b=2"]) == "a=1, b=2"


def test_a_letter_does_not_print_what_it_says() -> None:
    assert "Hello" not in repr(letter())
