"""Fields that a provider's file asks for: which connector, and variables of each connection's own."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from flask_wtf import FlaskForm
from wtforms import Field, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from portal.services.entries import Question

PREFIX = "entry_"  # a file may call a variable as it likes, `data` and `errors` included
CONNECTOR = "connector"

Form = TypeVar("Form", bound="EntriesForm")


class EntriesForm(FlaskForm):
    """A form with the fields of one provider; `of` makes it."""

    questions: tuple[Question, ...] = ()

    @classmethod
    def of(cls: type[Form], questions: Sequence[Question], **given: Any) -> Form:
        """The form for these questions; `given` are values that stand in it at first."""
        fields = {PREFIX + question.name: _field(question) for question in questions}
        made: type[Form] = type(cls.__name__, (cls,), {**fields, "questions": tuple(questions)})
        return made(**given)

    @property
    def asked(self) -> tuple[tuple[Question, Field], ...]:
        """Each question with its field."""
        return tuple((question, self[PREFIX + question.name]) for question in self.questions)

    @property
    def entered(self) -> dict[str, str]:
        """What was entered, by the file's own names."""
        return {question.name: field.data or "" for question, field in self.asked}

    @property
    def connector(self) -> str | None:
        """The connector chosen, where there is one to choose."""
        return self.entered.get(CONNECTOR) if any(one.options for one in self.questions) else None

    def show(self, errors: Mapping[str, str]) -> None:
        """Take over what was found wrong, each sentence at its field; one about nothing here stands above them all."""
        for name, sentence in errors.items():
            field = self._fields.get(PREFIX + name, self._fields.get(name))
            if field is None:
                self.form_errors.append(sentence)
            else:
                field.errors = [*field.errors, sentence]


def given_values(entered: Mapping[str, str], connector: str | None) -> dict[str, str]:
    """Values that were entered before, as the form takes them."""
    known = {**entered, **({CONNECTOR: connector} if connector else {})}
    return {PREFIX + name: value for name, value in known.items()}


def _field(question: Question) -> Field:
    if question.options:
        choices = [SelectChoice(value, words) for value, words in question.options]
        return SelectField(question.label, choices=choices, validate_choice=False)
    return StringField(question.label, default=question.default)
