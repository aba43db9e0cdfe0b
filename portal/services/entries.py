"""What a provider's file leaves to each connection: which of its connectors (a bank, say), and variables of its own.

It is asked for on the page before the provider's, checked by the file's own patterns, and kept with the connection.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from portal.extensions import catalog
from portal.providers.checks import CONNECTOR, variables_of_connection
from portal.providers.kept import names_kept
from portal.providers.schema import Provider, Variable
from portal.rules.problems import InvalidRequest, ProviderNotConfigured
from portal.services.offers import Chosen

LONGEST_ENTRY = 500
CHOOSE = "Choose one of the list."
EMPTY = "Enter something here."
MISFORMED = "This is not as {name} needs it."


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to enter: `options` (value, words) where it is to be chosen from a list, else free text."""

    name: str
    label: str
    hint: str = ""
    default: str = ""
    is_optional: bool = False
    options: tuple[tuple[str, str], ...] = ()


def questions(provider_id: str) -> tuple[Question, ...]:
    """What has to be known before a connection at this provider can be made; nothing for most."""
    provider = catalog().get(provider_id)
    return tuple(_questions(provider)) if provider else ()


def is_complete(chosen: Chosen) -> bool:
    """Whether everything that has to be answered has been."""
    given = {CONNECTOR: chosen.connector or "", **(chosen.vars or {})}
    return all(one.is_optional or given.get(one.name) for one in questions(chosen.provider_id))


def checked(
    provider_id: str, connector: str | None, entered: Mapping[str, str]
) -> tuple[str | None, dict[str, str] | None]:
    """The answers as they are kept; raises InvalidRequest with a sentence for each wrong one, ProviderNotConfigured."""
    provider = catalog().get(provider_id)
    if provider is None:
        raise ProviderNotConfigured
    values = {name: entered.get(name, "").strip() for name in _asked(provider)}
    errors = {name: fault for name, value in values.items() if (fault := _fault(provider, name, value))}
    if provider.connectors and connector not in provider.connectors:
        errors[CONNECTOR] = CHOOSE
    if errors:
        raise InvalidRequest(errors)
    filled = {name: value or provider.vars[name].default for name, value in values.items()}
    return connector if provider.connectors else None, filled or None


def _asked(provider: Provider) -> tuple[str, ...]:
    """The variables to enter: not those that answers fill in, nor `connector` where one is chosen from a list."""
    known = names_kept(provider) | ({CONNECTOR} if provider.connectors else set())
    return tuple(name for name in variables_of_connection(provider) if name not in known)


def _questions(provider: Provider) -> Iterator[Question]:
    if provider.connectors:
        options = tuple((name, one.name) for name, one in provider.connectors.items())
        yield Question(CONNECTOR, provider.vars.get(CONNECTOR, Variable()).label or "Which one", options=options)
    for name in _asked(provider):
        rules = provider.vars[name]
        yield Question(
            name, rules.label or _words(name), rules.hint, rules.default, rules.optional or bool(rules.default)
        )


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _fault(provider: Provider, name: str, value: str) -> str:
    rules = provider.vars[name]
    if not value:
        return "" if rules.optional or rules.default else EMPTY
    is_right = len(value) <= LONGEST_ENTRY and value.isprintable() and re.fullmatch(rules.pattern, value)
    return "" if is_right else MISFORMED.format(name=provider.name)
