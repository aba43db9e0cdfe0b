"""The providers a person can connect here, and how a login there is named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from portal.adapters.oauth import Identity
from portal.extensions import catalog, config
from portal.providers.apps import ProviderApp
from portal.providers.checks import CONNECTOR, KEY_OWNER, variables_of_connection
from portal.providers.schema import Provider
from portal.providers.words import RevokeStyle
from portal.rules.names import NICKNAME_MAX
from portal.rules.problems import NotFound, ProviderNotConfigured

LONGEST_LABEL = 200
BY_KEY = "This provider is connected by a key: an admin enters it under “Service connections”."
ADDRESS_IN_LABEL = re.compile(r"(?:^|\()([^\s()]+@[^\s()]+)\)?$")


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider as pages name it; one that has left the catalog is known by its id alone."""

    id: str
    name: str
    manage_url: str = ""
    is_offered: bool = True
    is_service: bool = False


class AtProvider(Protocol):
    """Whatever names a provider, and which of its file's variants."""

    @property
    def provider_id(self) -> str: ...
    @property
    def connector(self) -> str | None: ...


class Chosen(AtProvider, Protocol):
    """The same together with what was entered for one connection there."""

    @property
    def vars(self) -> Mapping[str, str] | None: ...


def offered(
    provider_id: str, connector: str | None = None, entered: Mapping[str, str] | None = None
) -> tuple[Provider, ProviderApp]:
    """The provider and our app there; raises ProviderNotConfigured where either is missing."""
    provider, app = catalog().get(provider_id, connector), catalog().app(provider_id)
    if provider is None or app is None:
        raise ProviderNotConfigured
    return provider, app.having(_own_variables(provider, connector, entered or {}))


def offered_to(chosen: Chosen) -> tuple[Provider, ProviderApp]:
    """The same as one connection has it: with its connector (a bank, say) and the variables entered for it."""
    return offered(chosen.provider_id, chosen.connector, chosen.vars)


def _own_variables(provider: Provider, connector: str | None, entered: Mapping[str, str]) -> dict[str, str]:
    defaults = {name: provider.vars[name].default for name in variables_of_connection(provider)}
    known = {name: value for name, value in entered.items() if name in defaults or name == KEY_OWNER}
    return defaults | known | ({CONNECTOR: connector} if connector and CONNECTOR in defaults else {})


def is_service(provider_id: str) -> bool:
    """Whether connections there are made by an admin with a key, so that no person can ever renew one by consenting."""
    provider = catalog().get(provider_id)
    return provider is not None and provider.kind.is_service


def why_not_offered(provider: Provider) -> str:
    """Why nobody can be asked to connect a provider of the catalog, as a sentence."""
    if provider.kind.is_service:
        return BY_KEY
    if not provider.kind.has_app:
        return f"{provider.name} cannot be connected here: its file only says what its answers mean."
    return f"{provider.name} is in the catalog, but no app of yours is configured for it."


def can_revoke(one: AtProvider) -> bool:
    """Whether the provider may be asked to end the access; where discovery decides it, it is asked and found out."""
    provider = catalog().get(one.provider_id, one.connector)
    return provider is None or provider.revoke.style is not RevokeStyle.NONE


def offers() -> tuple[Offer, ...]:
    """What can be connected, by name."""
    return tuple(named(provider.id) for provider in catalog().offered)


def consentable(provider_id: str) -> Offer:
    """One of the offers; raises NotFound for any other."""
    found = next((offer for offer in offers() if offer.id == provider_id), None)
    if found is None:
        raise NotFound
    return found


def named(provider_id: str) -> Offer:
    """The provider's name for pages, whether it is (still) offered or not."""
    provider, app = catalog().get(provider_id), catalog().app(provider_id)
    if provider is None:
        return Offer(provider_id, provider_id, is_offered=False)
    manage_url = app.expand(provider.manage_url) if app else provider.manage_url
    return Offer(provider.id, provider.name, manage_url, app is not None, provider.kind.is_service)


def redirect_uri(provider_id: str) -> str:
    """Where the provider sends people back to."""
    return f"{config().public_url}/consent/callback/{provider_id}"


def login_label(identity: Identity) -> str:
    """A login as people recognize it: its name, and its address, since one person's logins often share a name."""
    if not identity.email or identity.email == identity.label:
        return identity.label[:LONGEST_LABEL]
    room = LONGEST_LABEL - len(identity.email) - 3
    return f"{identity.label[:room]} ({identity.email})" if room > 0 else identity.label[:LONGEST_LABEL]


def login_hint(subject: str | None, label: str | None) -> str | None:
    """What brings up the right login at the provider: its address where the label has one, else its subject."""
    found = ADDRESS_IN_LABEL.search(label or "")
    return found[1] if found else subject


def short_name(label: str) -> str:
    """A nickname to propose for a login: its name without the address."""
    return ADDRESS_IN_LABEL.sub("", label).strip()[:NICKNAME_MAX] or label[:NICKNAME_MAX]
