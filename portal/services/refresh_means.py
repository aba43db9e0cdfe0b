"""What a refresh is made with: the provider as the connection has it, our app there, and what is shown for a token.

That is the refresh token for most, the access token where the provider exchanges it, an assertion signed just now for a
service connection with a key, and nothing at all where our app speaks for itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from portal.adapters import oauth
from portal.adapters.oauth import TokenAnswer
from portal.crypto import Secret
from portal.db import db, reading
from portal.extensions import catalog
from portal.models import Connection
from portal.providers.apps import ProviderApp
from portal.providers.checks import variables_of_connection
from portal.providers.kept import variables_kept
from portal.providers.schema import Provider
from portal.providers.words import CountedFrom, RefreshMode
from portal.rules.problems import ProviderNotConfigured
from portal.services import offers, service_keys
from portal.services.token_store import StoredGrant

NOTHING = Secret("")


@dataclass(frozen=True, slots=True)
class Means:
    """Everything one refresh needs beside the grant itself."""

    provider: Provider
    app: ProviderApp
    shown: Secret


def provider_of(grant: StoredGrant) -> Provider | None:
    """The provider as this grant's connection has it; None where its file has left the catalog."""
    return catalog().get(grant.provider_id, grant.connector)


def is_possible(grant: StoredGrant) -> bool:
    """Whether there is anything at all to renew this grant's tokens with."""
    return offers.is_service(grant.provider_id) or getattr(grant, _shown_column(grant)) is not None


def means_of(grant: StoredGrant, *, now: datetime) -> Means | None:
    """What to refresh this grant with; None where the provider is not configured or nothing is left to show.

    Raises OAuthFailed where a key cannot sign.
    """
    try:
        provider, app = at(grant.provider_id, grant.connection_id)
    except ProviderNotConfigured:
        return None
    app = app.having(variables_kept(provider, grant.extra or {}))
    shown = _shown(grant, provider, app, now)
    return None if shown is None else Means(provider, app, shown)


def ask(grant: StoredGrant, means: Means, *, deadline: timedelta, now: datetime) -> TokenAnswer:
    """One refresh at the provider, outside of any transaction; raises OAuthFailed."""
    return oauth.refresh(
        means.provider,
        means.app,
        refresh_token=means.shown,
        redirect_uri=offers.redirect_uri(means.provider.id),
        now=now,
        deadline=deadline,
        scopes=grant.scopes.split(),
    )


def grace_of(grant: StoredGrant) -> timedelta | None:
    """How long the provider goes on honouring a refresh token that it has replaced; None for not at all."""
    provider = provider_of(grant)
    return timedelta(seconds=provider.refresh.grace_s) if provider and provider.refresh.grace_s else None


def final_end_of(grant: StoredGrant) -> datetime | None:
    """When the provider ends it all, however often it is refreshed, where that is known."""
    provider = provider_of(grant)
    is_fixed = provider is not None and provider.clocks.refresh_absolute_from is CountedFrom.FIRST_GRANT
    return grant.refresh_expires_at if is_fixed else None


def at(provider_id: str, connection_id: UUID) -> tuple[Provider, ProviderApp]:
    """The provider and our app there as this connection has them; raises ProviderNotConfigured.

    The connection is looked at only where the provider's file leaves anything to it.
    """
    provider = catalog().get(provider_id)
    if provider is None or not (provider.connectors or provider.kind.is_service or variables_of_connection(provider)):
        return offers.offered(provider_id)
    return offers.offered(provider_id, *_chosen(connection_id))


@reading
def _chosen(connection_id: UUID) -> tuple[str | None, dict[str, str] | None]:
    chosen = select(Connection.connector, Connection.vars).where(Connection.id == connection_id)
    row = db.session.execute(chosen).first()
    return (None, None) if row is None else (row.connector, row.vars)


def _shown(grant: StoredGrant, provider: Provider, app: ProviderApp, now: datetime) -> Secret | None:
    match provider.refresh.mode:
        case RefreshMode.CLIENT_CREDENTIALS:
            return NOTHING
        case RefreshMode.JWT_BEARER:
            key = service_keys.opened(grant.connection_id)
            return None if key is None else oauth.assertion(provider, app, key, now=now)
        case _:
            return grant.secret(_shown_column(grant))


def _shown_column(grant: StoredGrant) -> str:
    """Where the refresh token is, or where the provider exchanges it the access token."""
    provider = provider_of(grant)
    is_exchanged = provider is not None and provider.refresh.mode is RefreshMode.EXCHANGE
    return "access_token" if is_exchanged else "refresh_token"
