"""The check that every nickname field shares."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import StopValidation

from portal.rules.names import clean_nickname
from portal.rules.problems import InvalidRequest


class Nickname:
    """Brings a nickname into the form that is stored; an optional one may stay empty."""

    def __init__(self, *, is_optional: bool = False) -> None:
        self._is_optional = is_optional

    def __call__(self, _form: FlaskForm, field: StringField) -> None:
        typed = (field.data or "").strip()
        if not typed and self._is_optional:
            field.data = ""
            return
        try:
            field.data = clean_nickname(typed)
        except InvalidRequest as invalid:
            raise StopValidation(invalid.errors["nickname"]) from None
