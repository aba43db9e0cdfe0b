"""What a provider's file leaves out because the rest of it says so."""

from collections.abc import Mapping
from typing import Any

from portal.providers.words import ClientAuth, KeyFormat, Kind, RevokeStyle

Table = Mapping[str, Any]


def completed(raw: Table) -> Table:
    """The tables of a file with what goes without saying: whatever is written there stays as it is."""
    return {**raw, **_of_service(raw), **_of_revocation(raw)}


def _of_service(raw: Table) -> Table:
    """A connection that an admin makes is refreshed by its own kind, and our app's id is who speaks."""
    kind = raw.get("kind")
    if kind not in (Kind.JWT_BEARER, Kind.CLIENT_CREDENTIALS):
        return {}
    completed = {"refresh": _with(raw, "refresh", mode=str(kind))}
    is_signed_here = _table(raw, "assertion").get("key", KeyFormat.PEM) == KeyFormat.PEM
    is_anonymous = _table(raw, "token").get("auth") == ClientAuth.ANONYMOUS
    if kind == Kind.JWT_BEARER and is_signed_here and not is_anonymous:
        completed["assertion"] = _with(raw, "assertion", issuer="{client_id}")
    return completed


def _of_revocation(raw: Table) -> Table:
    """An address says how it is called, and an OpenID provider publishes it."""
    revoke, discovery = _table(raw, "revoke"), _table(_table(raw, "identity"), "oidc").get("discovery")
    return {"revoke": _with(raw, "revoke", style=RevokeStyle.RFC7009.value)} if revoke.get("url") or discovery else {}


def _with(raw: Table, name: str, **values: str) -> object:
    table = raw.get(name, {})
    return {**values, **table} if isinstance(table, dict) else table


def _table(raw: Table, name: str) -> Table:
    table = raw.get(name, {})
    return table if isinstance(table, dict) else {}
