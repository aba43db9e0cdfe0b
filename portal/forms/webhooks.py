"""The form of a webhook endpoint."""

from collections.abc import Mapping

from flask_wtf import FlaskForm
from wtforms import SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from portal.rules.webhooks import PublicType


class WebhookForm(FlaskForm):
    """Where events go, what for, and which; the service checks what is typed, for it has to look up the address."""

    url = StringField("Address")
    description = StringField("What it is for")
    types = SelectMultipleField(
        "Events",
        choices=[SelectChoice(one.value, f"{one.value}: {one.meaning}") for one in PublicType],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )

    def show(self, errors: Mapping[str, str]) -> None:
        """Take over what was found wrong, each sentence at its field."""
        for name, sentence in errors.items():
            self[name].errors = [*self[name].errors, sentence]
