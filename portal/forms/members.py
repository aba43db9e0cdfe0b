"""Forms of the members pages: a person, an invitation, a request to connect, a file of people."""

import base64
from collections.abc import Mapping, Sequence

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, EmailField, HiddenField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from portal.forms.nicknames import Nickname
from portal.rules.roles import Role
from portal.services.offers import Offer

NOTHING = SelectChoice("", "Nothing yet")
LARGEST_FILE = 300 * 1024  # it travels through a form field once more, and those are small


class _Person(FlaskForm):
    """What every form about a person shares; the service checks it and says what is wrong."""

    name = StringField("Name")
    role = SelectField("Role", choices=[SelectChoice(role.value, role.label) for role in Role])
    team = StringField("Team")

    def show(self, errors: Mapping[str, str]) -> None:
        """Take over what was found wrong, each sentence at its field, unless the form has complained of it itself."""
        for name, sentence in errors.items():
            field = self["email" if name == "member_email" else name]
            field.errors = field.errors or [sentence]


class PersonForm(_Person):
    """A known person's name, role and team."""


class InviteForm(_Person):
    """A new person, and perhaps what they are asked to connect."""

    email = EmailField("Work email")
    provider = SelectField("Ask them to connect", validate_choice=False)
    nickname = StringField("Nickname of the connection", [Nickname(is_optional=True)])

    def offer(self, offers: Sequence[Offer]) -> None:
        """Fill in what they can be asked to connect."""
        self.provider.choices = [NOTHING, *(SelectChoice(offer.id, offer.name) for offer in offers)]

    def validate_provider(self, field: SelectField) -> None:
        """Only what is offered can be chosen."""
        _refuse_unoffered(field)


class AskForm(FlaskForm):
    """What a known person is asked to connect."""

    provider = SelectField("Provider", validate_choice=False)
    nickname = StringField("Nickname", [Nickname(is_optional=True)])

    def offer(self, offers: Sequence[Offer]) -> None:
        """Fill in what they can be asked to connect."""
        self.provider.choices = [SelectChoice(offer.id, offer.name) for offer in offers]

    def validate_provider(self, field: SelectField) -> None:
        """Only what is offered can be chosen."""
        _refuse_unoffered(field)


class ImportForm(FlaskForm):
    """A file of people, as it is chosen."""

    file = FileField("CSV file", [FileRequired("Choose a file.")])
    invite = BooleanField("E-mail an invitation to everybody who was not invited before")

    def validate_file(self, field: FileField) -> None:
        """Larger ones are for the command line."""
        self.content = field.data.stream.read(LARGEST_FILE + 1)
        if len(self.content) > LARGEST_FILE:
            limit = f"Choose a file of at most {LARGEST_FILE // 1024} kB."
            raise ValidationError(f"{limit} An operator can import larger ones with `portal members import`.")


class CheckedFileForm(FlaskForm):
    """The same file once more, carried by the page that showed what it would do."""

    content = HiddenField()
    invite = HiddenField()

    @property
    def raw(self) -> bytes:
        """The file's bytes; nothing for what is no file of ours."""
        try:
            return base64.b64decode(self.content.data or "", validate=True)
        except ValueError:
            return b""


def carried(content: bytes) -> str:
    """A file's bytes as a form field carries them."""
    return base64.b64encode(content).decode("ascii")


def _refuse_unoffered(field: SelectField) -> None:
    if (field.data or "") not in {choice.value for choice in field.choices}:
        raise ValidationError("Choose one of the providers in the list.")
