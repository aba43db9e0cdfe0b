"""Forms of the backends' keys: made, and replaced."""

from collections.abc import Mapping, Sequence

from flask_wtf import FlaskForm
from wtforms import DateField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from portal.providers.schema import Provider
from portal.rules.api_keys import LIFETIMES_DAYS, OVERLAPS_DAYS, Ending
from portal.rules.names import clean_api_key_name
from portal.rules.problems import InvalidRequest

NEVER, ON_A_DAY = "never", "day"
ENDS = (
    SelectChoice(NEVER, "Never"),
    *(SelectChoice(str(days), f"In {days} days") for days in LIFETIMES_DAYS),
    SelectChoice(ON_A_DAY, "On a day of my choice"),
)
OVERLAPS = {0: "At once", 1: "In 1 day", 7: "In 7 days"}


class DayField(DateField):
    """A day of the calendar."""

    def process_formdata(self, valuelist: list[str]) -> None:
        if not "".join(valuelist).strip():
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a day, such as 2026-12-31.") from None


class _EndingForm(FlaskForm):
    """When a key ends."""

    ends = SelectField("It ends", choices=list(ENDS), default=NEVER)
    ends_on = DayField("Last day it works")

    def validate_ends_on(self, field: DayField) -> None:
        """A day is needed where one was announced."""
        if self.ends.data == ON_A_DAY and field.data is None:
            raise ValidationError("Enter a day, such as 2026-12-31.")

    @property
    def ending(self) -> Ending:
        """The end that was chosen."""
        if self.ends.data == ON_A_DAY:
            return Ending(on=self.ends_on.data)
        return Ending(None if self.ends.data == NEVER else int(self.ends.data))

    def propose(self, ending: Ending) -> None:
        """Choose this end until somebody chooses another."""
        self.ends.data = NEVER if ending.days is None else str(ending.days)

    def show(self, errors: Mapping[str, str]) -> None:
        """Take over what the rules found wrong, each sentence at its field."""
        for name, sentence in errors.items():
            self[name].errors = [*self[name].errors, sentence]


class ApiKeyForm(_EndingForm):
    """A new API key."""

    name = StringField("Name of the backend")
    providers = SelectMultipleField(
        "Only for these providers", widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )

    def offer(self, providers: Sequence[Provider]) -> "ApiKeyForm":
        """The providers to choose from."""
        self.providers.choices = [SelectChoice(provider.id, provider.name) for provider in providers]
        return self

    def validate_name(self, field: StringField) -> None:
        """Bring the name into the form that is stored; say so where it cannot be one."""
        try:
            field.data = clean_api_key_name(field.data or "")
        except InvalidRequest as invalid:
            raise ValidationError(" ".join(invalid.errors.values())) from None


class ReplaceKeyForm(_EndingForm):
    """A second key of the same name."""

    overlap = RadioField(
        "The old key stops",
        choices=[SelectChoice(str(days), OVERLAPS[days]) for days in OVERLAPS_DAYS],
        default=str(OVERLAPS_DAYS[-1]),
    )

    @property
    def overlap_days(self) -> int:
        """How long both keys work."""
        return int(self.overlap.data)
