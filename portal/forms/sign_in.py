"""What people type at the door."""

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField
from wtforms.validators import ValidationError

from portal.rules.names import clean_email
from portal.rules.problems import InvalidRequest


class SignInForm(FlaskForm):
    """The address a sign-in link is asked for, and the place it shall lead to."""

    email = EmailField("Work email")
    next = HiddenField()

    def validate_email(self, field: EmailField) -> None:
        """Bring the address into the form that is stored; say so where it cannot be one."""
        try:
            field.data = clean_email(field.data or "")
        except InvalidRequest as invalid:
            raise ValidationError(invalid.errors["email"]) from None
