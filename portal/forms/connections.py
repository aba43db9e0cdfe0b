"""What a member enters about their own connections."""

from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, ValidationError

from portal.forms.entries import EntriesForm
from portal.forms.nicknames import Nickname
from portal.services.offers import Offer


class NicknameForm(FlaskForm):
    """Another nickname for a connection."""

    nickname = StringField("Nickname", [Nickname()])


class ConnectThereForm(EntriesForm):
    """A new connection at a provider that asks something beforehand."""

    nickname = StringField("Nickname", [Nickname(is_optional=True)])


class ConnectForm(FlaskForm):
    """A new connection: at which provider, and what to call it."""

    provider = RadioField("Provider", [InputRequired("Choose a provider.")], validate_choice=False)
    nickname = StringField("Nickname", [Nickname(is_optional=True)])

    def offer(self, offers: Sequence[Offer]) -> None:
        """Fill in what can be chosen; where there is only one it is chosen already."""
        self.provider.choices = [SelectChoice(offer.id, offer.name) for offer in offers]
        if len(offers) == 1 and not self.is_submitted():
            self.provider.data = offers[0].id

    def validate_provider(self, field: RadioField) -> None:
        """Only what is offered can be chosen."""
        if field.data not in {choice.value for choice in field.choices}:
            raise ValidationError("Choose one of the providers in the list.")
