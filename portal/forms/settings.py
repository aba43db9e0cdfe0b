"""The form of the settings: when people are reminded."""

from collections.abc import Mapping
from datetime import time
from zoneinfo import available_timezones

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, TimeField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from portal.rules.reminders import LEAD_DAYS_MAX, ReminderPolicy

LONGEST_PERIOD_DAYS = 3_650


class DaysField(IntegerField):
    """A number of days."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a whole number.") from None


class ClockField(TimeField):
    """A time of the day."""

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Enter a time, such as 08:00.") from None


class PolicyForm(FlaskForm):
    """When reminders go out."""

    lead_days = DaysField(
        "First reminder, days before the end",
        [
            InputRequired("Enter a number of days."),
            NumberRange(1, LEAD_DAYS_MAX, f"Choose between 1 and {LEAD_DAYS_MAX} days."),
        ],
    )
    rhythm_days = DaysField(
        "Then every so many days",
        [InputRequired("Enter a number of days."), NumberRange(1, LEAD_DAYS_MAX, "Choose at least 1 day.")],
    )
    window_opens = ClockField("Reminders go out from", [InputRequired("Enter a time, such as 08:00.")])
    window_closes = ClockField("Reminders go out until", [InputRequired("Enter a time, such as 18:00.")])
    time_zone = SelectField("Time zone", choices=[SelectChoice(zone, zone) for zone in sorted(available_timezones())])
    policy_period_days = DaysField(
        "Ask people again after so many days, where the provider states no end",
        [
            Optional(),
            NumberRange(1, LONGEST_PERIOD_DAYS, f"Choose between 1 and {LONGEST_PERIOD_DAYS} days, or leave it empty."),
        ],
    )

    @property
    def policy(self) -> ReminderPolicy:
        """The policy entered."""
        return ReminderPolicy(
            lead_days=self.lead_days.data,
            rhythm_days=self.rhythm_days.data,
            window_opens=self.window_opens.data or time(0),
            window_closes=self.window_closes.data or time(0),
            time_zone=self.time_zone.data,
        )

    def show(self, errors: Mapping[str, str]) -> None:
        """Take over what the rules found wrong, each sentence at its field."""
        for name, sentence in errors.items():
            self[name].errors = [*self[name].errors, sentence]
