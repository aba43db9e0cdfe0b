from pathlib import Path

from portal.adapters import mailbox

HELLO = b"Subject: Hello\r\n\r\nHello\r\n"


def test_mails_are_read_back_newest_first(tmp_path: Path) -> None:
    folder = tmp_path / "mailbox"
    first, second = mailbox.drop(folder, HELLO), mailbox.drop(folder, HELLO.replace(b"Hello", b"Again"))
    assert list(mailbox.arrived(folder)) == [second, first]
    assert mailbox.read(second)["Subject"] == "Again"


def test_a_mail_that_is_still_being_written_is_not_shown(tmp_path: Path) -> None:
    mailbox.drop(tmp_path, HELLO)
    (tmp_path / "99999999999999999999-half.part").write_bytes(b"Subj")
    assert len(list(mailbox.arrived(tmp_path))) == 1


def test_a_folder_that_does_not_exist_yet_is_an_empty_mailbox(tmp_path: Path) -> None:
    assert list(mailbox.arrived(tmp_path / "mailbox")) == []
