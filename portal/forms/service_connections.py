"""What an admin enters to connect by a key: the key file, its passphrase and end, and what the provider's file asks."""

from datetime import date
from typing import Any

from wtforms import DateField, FileField, PasswordField, StringField
from wtforms.validators import Length, Optional

from portal.forms.entries import EntriesForm
from portal.forms.nicknames import Nickname
from portal.rules.service_keys import LARGEST_FILE, LONGEST_PASSPHRASE


class DayField(DateField):
    """A day, as browsers send it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a day, such as 2027-03-31.") from None


class ServiceForm(EntriesForm):
    """Without a key: our app speaks for itself."""

    @property
    def content(self) -> bytes:
        """The key as it came."""
        return b""

    @property
    def typed_passphrase(self) -> str:
        """The passphrase, where there is a field for one."""
        return ""

    @property
    def end(self) -> date | None:
        """The day the key ends, where somebody has entered it."""
        return None


class _KeyForm(ServiceForm):
    ends_on = DayField("The key ends on", [Optional()])

    @property
    def end(self) -> date | None:
        ends_on: date | None = self.ends_on.data
        return ends_on


class KeyFileForm(_KeyForm):
    """A key in a file; its passphrase, where it has one, is never shown again."""

    key_file = FileField("Key file")
    passphrase = PasswordField("Passphrase", [Length(max=LONGEST_PASSPHRASE, message="This is too long to be one.")])

    @property
    def content(self) -> bytes:
        """What was chosen, up to one byte more than is taken."""
        chosen: Any = self.key_file.data
        return chosen.stream.read(LARGEST_FILE + 1) if hasattr(chosen, "stream") else b""

    @property
    def typed_passphrase(self) -> str:
        return self.passphrase.data or ""


class GoogleKeyForm(_KeyForm):
    """Google's JSON file, which needs no passphrase."""

    key_file = FileField("Key file (JSON)")
    content = KeyFileForm.content


class CredentialForm(ServiceForm):
    """A ready-made credential, pasted; as a password it is never shown again."""

    key_file = PasswordField("JWT credential", [Length(max=LARGEST_FILE, message="This is too long to be one.")])

    @property
    def content(self) -> bytes:
        return (self.key_file.data or "").encode()


def named(form: type[ServiceForm]) -> type[ServiceForm]:
    """The same form with a field for the connection's nickname."""
    fields = {"nickname": StringField("Nickname", [Nickname(is_optional=True)])}
    return type(form.__name__, (form,), fields)
