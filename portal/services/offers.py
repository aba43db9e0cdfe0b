"""The providers a person can connect here, and how a login there is named."""

import re
from dataclasses import dataclass

from portal.adapters.oauth import Identity
from portal.extensions import catalog, config
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.rules.names import NICKNAME_MAX
from portal.rules.problems import ProviderNotConfigured

LONGEST_LABEL = 200
ADDRESS_IN_LABEL = re.compile(r"(?:^|\()([^\s()]+@[^\s()]+)\)?$")


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider as pages name it; one that has left the catalog is known by its id alone."""

    id: str
    name: str
    manage_url: str = ""
    is_offered: bool = True


def offered(provider_id: str) -> tuple[Provider, ProviderApp]:
    """The provider and our app there; raises ProviderNotConfigured where either is missing."""
    provider, app = catalog().get(provider_id), catalog().app(provider_id)
    if provider is None or app is None:
        raise ProviderNotConfigured
    return provider, app


def offers() -> tuple[Offer, ...]:
    """What can be connected, by name."""
    return tuple(named(provider.id) for provider in catalog().offered)


def named(provider_id: str) -> Offer:
    """The provider's name for pages, whether it is (still) offered or not."""
    provider, app = catalog().get(provider_id), catalog().app(provider_id)
    if provider is None:
        return Offer(provider_id, provider_id, is_offered=False)
    manage_url = app.expand(provider.manage_url) if app else provider.manage_url
    return Offer(provider.id, provider.name, manage_url, is_offered=app is not None)


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
