"""The decision about a pending grant."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf

from portal.forms.nicknames import Nickname
from portal.rules.comparison import Choice


class DecisionForm(FlaskForm):
    """Which button was pressed, on which review (`seen`), and the new connection's name where one is made."""

    choice = HiddenField(validators=[AnyOf(list(Choice), "Choose one of the ways that this page offers.")])
    seen = HiddenField()
    nickname = StringField("Name for the new connection", [Nickname(is_optional=True)])

    @property
    def chosen(self) -> Choice:
        """The choice, once the form is valid."""
        return Choice(self.choice.data)
